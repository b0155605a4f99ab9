"""Files of every kind, damaged or made up: the reader returns a value or raises an error that names the file."""

from __future__ import annotations

import json
import shutil

import pytest
from file_kinds import KINDS, weights
from hypothesis import given
from hypothesis import strategies as st
from near import near_bytes, near_json, near_text
from safetensors.torch import load_file, save_file

from bench.core import sealed
from bench.errors import BenchError
from bench.registry import Registry
from bench.workspace import manifest
from bench.workspace.settings.settings import model_settings
from bench.workspace.settings.suites import load_suite
from bench.workspace.weights import checkpoint, loading

SEALED = ("feedback", "record", "repeats", "samples")  # JSON with its own sha256


def reads(kind, path):
    """Read a file; whatever is wrong with it is told in one error that names it."""
    try:
        kind.read(path)
    except kind.internal:
        pass
    except BenchError as error:
        named = path.name in str(error) or str(path.with_name("clicks.json")) in str(error)  # of a noise array
        assert named and len(str(error)) < 3000, str(error)[:3000]


@pytest.fixture
def made(tmp_path):
    """Write a sound file of a kind into a folder of its own."""

    def make(name):
        folder = tmp_path / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return KINDS[name].make(folder)

    return make


@pytest.mark.parametrize("name", KINDS)
def test_damaged_or_made_up_bytes(name, made):
    path = made(name)
    sound = path.read_bytes()
    KINDS[name].read(path)

    @given(near_bytes(sound))
    def check(content):
        path.write_bytes(content)
        reads(KINDS[name], path)

    check()


@pytest.mark.parametrize("name", SEALED)
def test_other_content_whose_sha256_is_right(name, made):
    """What another program writes, or somebody on purpose."""
    path = made(name)
    sound = sealed.unsealed(json.loads(path.read_bytes()))

    @given(near_json(sound))
    def check(content):
        rest = {key: value for key, value in content.items() if key != sealed.FIELD}
        sealed.write(path, rest)
        reads(KINDS[name], path)

    check()


@given(data=st.data())
def test_a_suite_that_is_nearly_right(data, made):
    path = made("suite")
    path.write_text(data.draw(near_text([path.read_text("utf-8")])), "utf-8", errors="replace")
    try:
        suite = load_suite(str(path))
        for model in suite.models:
            model_settings(suite, model, None, ())
    except BenchError as error:
        assert path.name in str(error) or "--set" in str(error)


@pytest.mark.parametrize("kind", ["model", "unlearned"])
def test_a_description_of_weights_that_is_nearly_right(kind, tmp_path):
    """With the right sha256, so that it is read as a description."""
    vae, path = checkpoint.read(manifest.path_of("vae-mnist")), tmp_path / "crafted.safetensors"
    made = {**vae.description, **({} if kind == "model" else {"method": "ours", "params": {}, "oracle": None})}
    if kind == "unlearned":
        made = {name: made[name] for name in ("config", "method", "params", "oracle")}
    registry = Registry()
    tensors = {name: tensor for name, tensor in vae.tensors.items() if kind == "model" or name.startswith("generator.")}

    @given(near_json(made))
    def check(description):
        checkpoint.save(path, kind, "vae", description, tensors)
        try:
            loading.load_original(registry, path)
        except BenchError as error:
            assert path.name in str(error) and "\n" not in str(error)

    check()


def test_a_header_that_is_nearly_right(tmp_path):
    path = weights(tmp_path)
    tensors = load_file(path)
    sound = {"format": checkpoint.FORMAT, "kind": "model", "name": "vae", "description": "{}", "sha256": "0" * 64}

    @given(st.fixed_dictionaries({name: st.just(text) | near_text([text]) for name, text in sound.items()}))
    def check(header):
        save_file(
            tensors, path, metadata={name: text.encode(errors="replace").decode() for name, text in header.items()}
        )
        reads(KINDS["weights"], path)

    check()
