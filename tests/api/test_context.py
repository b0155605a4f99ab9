"""What a method is given: phases that resume, draws that differ, checkpoints that are checked."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from bench.api import Context
from bench.api import context as module
from bench.core import resuming
from bench.core.randomness import generator
from bench.errors import Diverged, Interrupted, PluginError

CPU = torch.device("cpu")


def fresh(tmp_path, notes=None, **changed):
    made = Context(stream="unlearn/0", device=CPU, checkpoint=tmp_path / "checkpoint.pt", **changed)
    if notes is not None:
        made.progress.note = notes.append
    return made


class Cut(Exception):
    """Something that ends a method between two steps."""


def two_phases(context, cut=None):
    """Train one module in two phases; ``cut`` is the phase and the step after which it ends."""
    layer = nn.Linear(3, 2)
    layer.load_state_dict({"weight": torch.zeros(2, 3), "bias": torch.zeros(2)})
    adam = torch.optim.Adam(layer.parameters(), lr=0.1)
    kept = []
    for name, total in (("first", 4), ("second", 5)):
        for step in context.steps(total, {"layer": layer, "adam": adam}, name=name):
            loss = (layer(context.noise(step, 8, 3)) - context.noise(step, 8, 2, tag="target")).square().mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            context.log(step, loss=loss)
            if (name, step) == cut:
                context._save(step + 1, {"layer": layer, "adam": adam})
                raise Cut
        kept.append(layer.weight.detach().clone())
    return kept, [row["loss"] for row in context.history]


@pytest.mark.parametrize("cut", [("first", 0), ("first", 3), ("second", 0), ("second", 2), ("second", 4)])
def test_a_method_of_two_phases_resumes_to_the_last_bit(cut, tmp_path):
    whole, losses = two_phases(fresh(tmp_path / "whole"))
    assert not torch.equal(*whole) and len(losses) == 9
    with pytest.raises(Cut):
        two_phases(fresh(tmp_path / "cut"), cut)
    again, its_losses = two_phases(fresh(tmp_path / "cut"))
    assert all(torch.equal(a, b) for a, b in zip(whole, again, strict=True)), "after the first phase, and at the end"
    assert its_losses == losses
    assert resuming.has_begun(tmp_path / "cut" / "checkpoint.pt")
    resuming.forget(tmp_path / "cut" / "checkpoint.pt")
    assert list((tmp_path / "cut").iterdir()) == []


def test_a_checkpoint_after_every_step_changes_nothing(tmp_path, monkeypatch):
    whole, losses = two_phases(fresh(tmp_path / "whole"))
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 0.0)
    often, its_losses = two_phases(fresh(tmp_path / "often"))
    assert all(torch.equal(a, b) for a, b in zip(whole, often, strict=True)) and its_losses == losses


def test_a_loop_that_is_left_early_ends_its_progress(tmp_path):
    context, ended = fresh(tmp_path), []
    context.progress.stop = lambda: ended.append("stopped")
    for step in context.steps(10, {}):
        if step == 3:
            break
    assert ended == ["stopped"]


def test_a_checkpoint_that_takes_long_is_written_seldom(tmp_path, monkeypatch):
    clock, saved = [0.0], []
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])

    def slow(path, content):
        saved.append(clock[0])
        clock[0] += 3.0

    monkeypatch.setattr(resuming, "save", slow)
    for _ in fresh(tmp_path).steps(200, {}):
        clock[0] += 1.0
    assert saved == [6.0, 70.0, 134.0, 198.0], "after more than 5 s, then after more than 20 times 3 s"


def test_what_is_resumed_on_another_device_is_read_onto_the_cpu(tmp_path):
    """Adam's count of steps stays there; on a GPU, every step would wait for each parameter's."""

    def begun(context):
        layer = nn.Linear(2, 1)
        adam = torch.optim.Adam(layer.parameters())
        for _ in context.steps(3, {"layer": layer, "adam": adam}, name="first"):
            layer(torch.ones(1, 2)).sum().backward()
            adam.step()
        return layer.weight, adam.state[layer.weight]

    weight, state = begun(fresh(tmp_path))
    elsewhere = fresh(tmp_path)
    elsewhere.device = torch.device("meta")
    again, its_state = begun(elsewhere)
    assert torch.equal(again, weight) and its_state["step"].device == CPU and int(its_state["step"]) == 3
    assert torch.equal(its_state["exp_avg"], state["exp_avg"])


# --- values -------------------------------------------------------------------------------------------


def test_values_are_recorded_to_the_last_bit_whatever_their_type(tmp_path):
    context, third = fresh(tmp_path), torch.tensor(1 / 3)
    given = {
        "single": third,
        "double": third.double() / 7,
        "half": third.bfloat16(),
        "one": third.requires_grad_()[None],
        "count": torch.tensor(2**24 + 1),
        "another": third.detach() * 5,
        "plain": 0.1,
        "whole": 3,
    }
    context.log(0, **given)
    expected = {k: float(v.detach()) if torch.is_tensor(v) else float(v) for k, v in given.items()}
    assert context.history == [{"step": 0.0, **expected}] and [*context.history[0]] == ["step", *given]
    assert all(type(value) is float for value in context.history[0].values())


def test_the_first_value_that_is_not_finite_is_named(tmp_path):
    nan, infinite = torch.tensor(torch.nan), torch.tensor(torch.inf, dtype=torch.float64)
    with pytest.raises(Diverged) as raised:
        fresh(tmp_path).log(7, fine=torch.tensor(1.0), first=infinite, second=nan)
    assert str(raised.value) == str(Diverged(7, "first", float("inf")))


@pytest.mark.parametrize("names", [("train", "train"), ("train", "second"), ("first", "train"), ("first", "first")])
def test_a_second_loop_needs_a_name(names, tmp_path):
    context, layer = fresh(tmp_path), nn.Linear(1, 1)
    list(context.steps(1, {"layer": layer}, name=names[0]))
    with pytest.raises(PluginError, match="a method with several loops must name each one"):
        list(context.steps(1, {"layer": layer}, name=names[1]))


@pytest.mark.parametrize("name", ["", "../x", "a b", "a.b"])
def test_a_phase_s_name_is_part_of_a_file_s(name, tmp_path):
    with pytest.raises(PluginError, match="holds other characters"):
        next(fresh(tmp_path).steps(1, {}, name=name))


# --- draws --------------------------------------------------------------------------------------------


def test_draws_of_a_step_differ_by_tag_step_and_phase(tmp_path):
    context = fresh(tmp_path)
    plain = context.noise(0, 4, 2)
    assert torch.equal(plain, torch.randn(4, 2, generator=generator("unlearn/0", 0))), "as without tags and phases"
    draws = [plain, context.noise(0, 4, 2, tag="a"), context.noise(0, 4, 2, tag="b"), context.noise(1, 4, 2)]
    for name in ("first", "second"):
        for step in context.steps(1, {}, name=name):
            draws.append(context.noise(step, 4, 2))
    assert all(not torch.equal(a, b) for i, a in enumerate(draws) for b in draws[i + 1 :])


@pytest.mark.parametrize(
    "draw",
    [
        lambda c: (c.noise(3, 2, 2), c.noise(3, 2, 2)),
        lambda c: (c.noise(3, 2, 2), c.rng(3)),
        lambda c: (c.rng(3), c.rng(3)),
        lambda c: (c.rng(3, tag="a"), c.noise(3, 2, 2, tag="a")),
    ],
)
def test_the_same_numbers_twice_are_an_error(draw, tmp_path):
    with pytest.raises(PluginError, match="step 3 was drawn already, and would give the same numbers"):
        draw(fresh(tmp_path))


# --- checkpoints that cannot be used ------------------------------------------------------------------


def train(context, size=2):
    layer = nn.Linear(size, 1)
    layer.load_state_dict({"weight": torch.ones(1, size), "bias": torch.zeros(1)})
    for step in context.steps(6, {"layer": layer}):
        with torch.no_grad():
            layer.weight += context.noise(step, 1, size)
        if step == 2 and context.label == "cut":
            context._save(3, {"layer": layer})
            raise Interrupted("stopped")
    return layer.weight.detach().clone()


def test_every_flipped_bit_starts_again_and_is_named(tmp_path):
    whole = train(fresh(tmp_path / "whole"))
    with pytest.raises(Interrupted):
        train(fresh(tmp_path, label="cut"))
    path = tmp_path / "checkpoint.pt"
    sound = path.read_bytes()
    notes: list[str] = []
    for place in range(0, len(sound), max(1, len(sound) // 60)):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 4]) + sound[place + 1 :])
        assert torch.equal(train(fresh(tmp_path, notes)), whole)
        assert len(notes) == 1 and str(path) in notes.pop() and not notes
    for size in (0, 10, 64, len(sound) - 1):
        path.write_bytes(sound[:size])
        assert torch.equal(train(fresh(tmp_path, notes)), whole) and "starting again" in notes.pop()
    path.write_bytes(sound)
    assert torch.equal(train(fresh(tmp_path, notes)), whole) and notes == []


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"done": 3},
        {"done": "x", "seconds": 0.0, "history": [], "state": {}},
        {"done": 7, "seconds": 0.0, "history": [], "state": {"layer": nn.Linear(2, 1).state_dict()}},
        {"done": 3, "seconds": 0.0, "history": [], "state": {"other": nn.Linear(2, 1).state_dict()}},
        {"done": 3, "seconds": 0.0, "history": [], "state": {"layer": nn.Linear(5, 1).state_dict()}},
        {"done": 3, "seconds": 0.0, "history": 5, "state": {"layer": nn.Linear(2, 1).state_dict()}},
        {"done": 3, "seconds": 0.0, "history": [], "state": {"layer": 3}},
    ],
)
def test_a_checkpoint_of_another_training_starts_again(content, tmp_path):
    whole, notes = train(fresh(tmp_path / "whole")), []
    resuming.save(tmp_path / "checkpoint.pt", content)
    assert torch.equal(train(fresh(tmp_path, notes)), whole)
    assert len(notes) == 1 and "this checkpoint cannot be used" in notes[0]


def test_streams_of_phases_and_tags_do_not_meet():
    names = ["s", "s/a", "s/b/a", "s/b"]
    drawn = [torch.randn(3, generator=generator(name, 0)) for name in names]
    assert all(not torch.equal(a, b) for a, b in pairwise(drawn))
