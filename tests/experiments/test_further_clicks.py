"""Clicks on further attributes, which a method asks for."""

from __future__ import annotations

import json

import numpy as np
import pytest
from trained_oracles import COUNT, record_of

from bench.core import randomness
from bench.core.rendering import to_uint8
from bench.workspace.weights import checkpoint


def test_further_clicks_are_asked_stored_and_handed_over(world, bars):
    record = record_of(world.run("keeper", "-p", "keep=Left", "--json"))
    (path,) = world.results.glob(".stages/feedback-*/feedback.json")
    stored = json.loads(path.read_text())
    images = to_uint8(bars.original.generator(randomness.draw("feedback/0", range(COUNT), 6))).double()
    left = (images[..., :14] - images[..., 14:]).mean(dim=(1, 2, 3)).numpy() >= 0
    assert stored["also"] == {"Left": np.flatnonzero(left).tolist()} and 10 < left.sum() < 90
    weights = checkpoint.read(world.results / f"keeper-bars-light-s0-{record['key'][:16]}" / "unlearned.safetensors")
    assert weights.tensors["generator.layer.bias"][2].item() == pytest.approx(left.sum() / 1000)


def test_only_who_asks_for_further_clicks_has_another_key(world):
    assert world.keys("keeper")["feedback"] == world.keys("latent_edit")["feedback"]
    asking = world.keys("keeper", params=("keep=Left",))
    assert asking["feedback"] != world.keys("keeper")["feedback"]
    assert asking["original"] == world.keys("keeper")["original"]


def test_an_attribute_nobody_can_label_is_refused(world):
    done = world.run("keeper", "-p", "keep=Lef")
    assert done.code == 4
    assert "-p keep=Lef (with --feature light): unknown attribute 'Lef'. Did you mean 'Left'? Known: Left." in done.err
    done = world.run("keeper", "-p", "keep=Dark")
    assert done.code == 4 and "unknown attribute 'Dark'" in done.err, "the feature itself under another name"


def test_a_feedback_file_must_hold_what_is_asked(world, tmp_path):
    record_of(world.run("keeper", "-p", "keep=Left", "--json"))
    (path,) = world.results.glob(".stages/feedback-*/feedback.json")
    content = json.loads(path.read_text())
    del content["sha256"]  # of a stage's own file
    file = tmp_path / "clicks.json"
    file.write_text(json.dumps({**content, "also": {"Left": [0, 1, 2], "Right": [5]}}))
    given = record_of(world.run("keeper", "-p", "keep=Left", "--feedback", file, "--json"))
    (folder,) = world.results.glob(f"*-{given['key'][:16]}")
    weights = checkpoint.read(folder / "unlearned.safetensors")
    assert weights.tensors["generator.layer.bias"][2].item() == pytest.approx(0.003), "of what it holds, what is asked"
    file.write_text(json.dumps({**content, "also": {"Right": [5]}}))
    done = world.run("keeper", "-p", "keep=Left", "--feedback", file)
    assert done.code == 4
    assert (
        f"--feedback {file}: holds no clicks on Left, which the method needs (-p keep=...); its 'also' has Right"
        in done.err
    )
