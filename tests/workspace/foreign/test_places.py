"""``--at``: every place where scripts keep a state dict, what lies beside it, and what an error advises."""

from __future__ import annotations

import re

import pytest
import torch

from bench.errors import CheckpointError
from bench.workspace.foreign.places import state_at

BESIDE = {"steps": 7, "d.extra": None, "lr": 0.1, "name": "x", "done": True, "d.w": torch.zeros(2)}


def under(state, prefix, **more):
    return {prefix + name: tensor for name, tensor in state.items()} | BESIDE | more


PLACES = {  # the file's content, and --at
    "numbers and texts beside": (lambda s: under(s, "g."), "g."),
    "the same, deeper": (lambda s: {"state_dict": under(s, "g.")}, "state_dict/g."),
    "a list beside": (lambda s: under(s, "g.", log=[1, 2]), "g."),
    "an epoch among the tensors": (lambda s: s | {"epoch": 3, "best": None}, ""),
    "an epoch under the prefix": (lambda s: under(s, "g.") | {"g.epoch": 3}, "g."),
    "a key with a slash": (lambda s: {"ema/decay0.999": s}, "ema/decay0.999"),
    "a key with slashes, deeper": (lambda s: {"a/b": {"c/d": s}}, "a/b/c/d"),
    "the longer key first": (lambda s: {"a": {"b": {"w": torch.zeros(1)}}, "a/b": s}, "a/b"),
    "a dead end first": (lambda s: {"a/b": {}, "a": {"b": {"c": s}}}, "a/b/c"),
    "a prefix with a slash": (lambda s: {"nets": under(s, "64/rgb.")}, "nets/64/rgb."),
    "a slash at the end": (lambda s: {"ema": s}, "ema/"),
    "a number": (lambda s: {0: s, 1: {}}, "0"),
    "a number that is not whole": (lambda s: {0.999: s}, "0.999"),
    "a list": (lambda s: [s, {"w": torch.zeros(1)}], "0"),
    "a tuple": (lambda s: {"nets": (s, {})}, "nets/0"),
    "a dict in a list in a tuple": (lambda s: ([{"g": s}], 1), "0/0/g"),
    "a prefix in a list": (lambda s: [under(s, "module.")], "0/module."),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_place_is_found_and_written_back(case, module, brought, exported, tmp_path):
    make, at = PLACES[case]
    net = module().Net()
    torch.save(make(net.state_dict()), tmp_path / "mine.pt")
    original = brought(tmp_path / "mine.pt", at)
    done, out = exported(original, tmp_path / "mine.pt")
    assert done.code == 0, done.err
    back = torch.load(out, weights_only=True)
    assert outline(back) == outline(make(net.state_dict()))
    again = brought(out, at).generator.state_dict()
    for name, tensor in net.state_dict().items():
        assert torch.equal(again[f"net.{name}"], 1.5 * tensor)


def outline(content):
    """Return a file's content with shapes in place of tensors."""
    if isinstance(content, dict):
        return {name: outline(value) for name, value in content.items()}
    if isinstance(content, (list, tuple)):
        return type(content)(outline(value) for value in content)
    return tuple(content.shape) if isinstance(content, torch.Tensor) else content


@pytest.mark.parametrize(
    ("make", "at"),
    [
        (lambda s: {"ema/decay": s}, "ema"),
        (lambda s: {0: s, 1: {}}, "2"),
        (lambda s: [s, {"w": torch.zeros(1)}], ""),
        (lambda s: {"nets": (s, {})}, "nets"),
        (lambda s: {"nets": {"a": [s]}}, "nets/b"),
    ],
)
def test_the_places_that_an_error_names_work_as_written(make, at, module, brought, refused, tmp_path):
    torch.save(make(module().Net().state_dict()), tmp_path / "mine.pt")
    told = re.search(r"Places to try with --at: ([^,\n]*)", refused(tmp_path / "mine.pt", at))
    assert told is not None
    brought(tmp_path / "mine.pt", told[1])


def test_what_lacks_a_weight_is_refused_whatever_lies_in_its_place(module, refused, tmp_path):
    state = module().Net().state_dict()
    for wrong in (None, 3, "x"):
        torch.save(state | {"first.weight": wrong}, tmp_path / "mine.pt")
        assert "it lacks first.weight." in refused(tmp_path / "mine.pt")
    torch.save({f"g.{n}": t for n, t in state.items()} | {"g.first.weight": [1]}, tmp_path / "mine.pt")
    assert "'g.first.weight' is not a plain tensor" in refused(tmp_path / "mine.pt", "g.")
    torch.save({"g.a": 1}, tmp_path / "mine.pt")
    assert "'g.a' is not a plain tensor" in refused(tmp_path / "mine.pt", "g.")


def test_a_long_place_is_quoted_in_part(tmp_path):
    with pytest.raises(CheckpointError) as error:
        state_at({"w": torch.zeros(2)}, "9" * 5000, tmp_path / "net.pth")
    assert len(str(error.value)) < 500
