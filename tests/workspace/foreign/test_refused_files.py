"""Files that run code, are cut, lead elsewhere or are something else: refused, and nothing is written."""

from __future__ import annotations

import os
import pickle
import zipfile

import pytest
import torch
from official_files import (
    TINY_OPTIONS,
    RunsCode,
    pgan,
    save_pgan,
    vdvae,
)
from safetensors.torch import save as save_safetensors
from torch import nn

from bench.workspace import manifest


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_runs_code_runs_none(legacy, tmp_path, refuse):
    mark = tmp_path / "it ran"
    torch.save(vdvae() | {"x": RunsCode(mark)}, tmp_path / "bad.th", _use_new_zipfile_serialization=not legacy)
    assert f"refused, and nothing in it was run: it asks for '{os.name}.mkdir'" in refuse(tmp_path / "bad.th")
    content = pgan()
    content["netD"] = RunsCode(mark)
    assert f"it asks for '{os.name}.mkdir'" in refuse(save_pgan(tmp_path / "bad.pth", content), "pgan")
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps(RunsCode(mark)))
    refuse(tmp_path / "plain.pkl")
    assert not mark.exists()


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("share", [0, 0.02, 0.5, 0.99])
def test_a_truncated_file_is_refused(share, legacy, tmp_path, refuse):
    file = tmp_path / "model-ema.th"
    torch.save(vdvae(), file, _use_new_zipfile_serialization=not legacy)
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    assert "truncated, or not a file of torch.save" in refuse(file)


def test_what_is_no_file_of_torch_is_refused(tmp_path, refuse):
    (tmp_path / "page.th").write_text("<html>404 Not Found</html>")
    assert "truncated, or not a file of torch.save" in refuse(tmp_path / "page.th")
    assert "no such file" in refuse(tmp_path / "nowhere.th")
    assert refuse(tmp_path) == f"Error: {tmp_path}: is a folder. Name the file in it\n"


def renamed(source, names):
    """Write a zip archive again with other names of its members, and more members."""
    with zipfile.ZipFile(source) as archive:
        members = {names(name): archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(source, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return source


@pytest.mark.parametrize("root", ["..", "/", "C:\\x", "a/../..", "\\\\server"])
def test_an_archive_whose_names_lead_elsewhere_is_refused(root, tmp_path, refuse):
    file = tmp_path / "model-ema.th"
    torch.save(vdvae(), file)
    renamed(file, lambda name: f"{root}/{name.partition('/')[2]}")
    with zipfile.ZipFile(file) as archive:
        first = archive.namelist()[0]
    assert (
        refuse(file)
        == f"Error: {file}: refused, {first!r} in it leads out of the archive. Get a new copy from its source\n"
    )


def test_one_name_that_leads_elsewhere_is_enough(tmp_path, refuse):
    file = tmp_path / "model-ema.th"
    torch.save(vdvae(), file)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("../../evil.txt", "evil")
    assert "refused, '../../evil.txt' in it leads out of the archive" in refuse(file)


def test_an_archive_may_be_named_like_a_time(tmp_path, bench_cli):
    file, out = tmp_path / "a:1..2.th", tmp_path / "out.safetensors"
    torch.save(vdvae(), file)
    assert bench_cli("zoo", "import", file, "--format", "vdvae", "--out", out, *TINY_OPTIONS).code == 0


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
def test_torchscript_is_told_how_to_save_its_weights(tmp_path, refuse, recwarn):
    file = tmp_path / "mine.pt"
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), file)
    recwarn.clear()
    assert refuse(file) == (
        f"Error: {file}: is a TorchScript archive, which holds code that is not run here. In your own code save the "
        'weights alone, torch.save(torch.jit.load("mine.pt").state_dict(), "mine-weights.pt"), and wrap the class of the '
        "module in a plug-in, as in examples/my_generator.py\n"
    )
    assert not recwarn.list


def test_a_broken_safetensors_file_is_refused(tmp_path, refuse):
    for content in (b"", b"PK", save_safetensors(vdvae())[:3000]):
        (tmp_path / "mine.safetensors").write_bytes(content)
        error = refuse(tmp_path / "mine.safetensors")
        assert "mine.safetensors: truncated, or not a safetensors file (SafetensorError on reading it)" in error


def test_this_project_s_own_file_is_refused(refuse):
    assert "is already a weights file of this project. Use it directly (--weights FILE); import" in refuse(
        manifest.path_of("vae-mnist")
    )


def test_an_old_file_is_read(tmp_path, bench_cli):
    torch.save(vdvae(), tmp_path / "old.th", _use_new_zipfile_serialization=False)
    out = tmp_path / "out.safetensors"
    done = bench_cli("zoo", "import", tmp_path / "old.th", "--format", "vdvae", "--out", out, *TINY_OPTIONS)
    assert (done.code, done.err) == (0, "") and out.exists()


def test_usage(tmp_path, bench_cli):
    source, out = tmp_path / "model-ema.th", tmp_path / "out.safetensors"
    torch.save(vdvae(), source)
    command = ("zoo", "import", source, "--format", "vdvae", "--out", out)
    wrong = bench_cli(*command, "-p", "widht=16")
    assert wrong.code == 4 and wrong.err.startswith("Error: -p: unknown field 'widht'. Did you mean 'width'?")
    assert not out.exists()
    out.write_text("mine")
    there = bench_cli(*command, *TINY_OPTIONS)
    assert there.code == 4 and there.err == f"Error: --out {out}: already exists. Remove it, or name another file\n"
    assert out.read_text() == "mine"
