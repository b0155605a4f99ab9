"""Importing a file that must work, and one that must not."""

from __future__ import annotations

import pytest
import torch
from official_files import (
    save_pgan,
)

from bench.registry import Registry
from bench.workspace.weights import loading

# --- the same pixels ----------------------------------------------------------------------------------


@pytest.fixture
def imported(tmp_path, bench_cli):
    """Return a function that writes a file, imports it and loads the result."""

    def load(content, *options):
        source, out = tmp_path / "official.pth", tmp_path / "ours.safetensors"
        layout, model = ("pgan", "proggan") if "config" in content else ("vdvae", "vdvae")
        save_pgan(source, content) if layout == "pgan" else torch.save(content, source)
        done = bench_cli("zoo", "import", source, "--format", layout, "--out", out, *options)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith(f"{out}: {model}, ")
        return loading.load_original(Registry(), out, model)

    return load


# --- bad files ----------------------------------------------------------------------------------------


@pytest.fixture
def refuse(tmp_path, bench_cli):
    """Return a function that imports a file which must be refused with one error, and gives the message."""

    def attempt(source, layout="vdvae", *options):
        files = sorted(tmp_path.rglob("*"))
        done = bench_cli("zoo", "import", source, "--format", layout, "--out", tmp_path / "out.safetensors", *options)
        assert (done.code, done.out) == (4, "")
        assert done.err.startswith(f"Error: {source}: ") and "Traceback" not in done.err
        assert sorted(tmp_path.rglob("*")) == files, "something was written"
        return done.err

    return attempt
