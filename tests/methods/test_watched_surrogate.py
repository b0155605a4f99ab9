"""The surrogate's held-out clicks, and the second surrogate that ends its training."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from bar_toys import bars, clicked, left

from bench.api import Feedback, UsageError
from bench.api import context as context_module
from bench.api.context import Context
from bench.core import randomness
from bench.core.progress import Silent
from bench.registry import Registry
from bench.toolkit.image_surrogate import ImageSurrogate, SurrogateParams
from bench.toolkit.watching import Watcher, calibrate, split

REGISTRY = Registry()
SMALL = {
    **{"epochs": 60, "weight": 1.0, "lr": 5e-2, "surgery": "none", "members": 1, "surrogate_steps": 40},
    "level_samples": 256,
}
LOOK = 5  # steps between two looks, of trainings with ``stop_share``


class Noting(Silent):
    """Keeps what is said."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def context(**given):
    return Context("test", torch.device("cpu"), **given)


def fresh(count=400):
    return randomness.draw("fresh", range(count), 3)


def trained(generator=None, feedback=None, within=None, **params):
    """Return the student and the steps that it took."""
    generator, within = generator or bars(), within or context()
    method = REGISTRY.get("methods", "surrogate")
    looks = {"look_every": LOOK} if "stop_share" in params else {}
    found = method(method.Config(**{**SMALL, **looks, **params})).unlearn(
        generator, feedback or clicked(generator), within
    )
    return found.generator, [row for row in within.history if row.get("phase") == "student"]


# --- the clicks that are held out -----------------------------------------------------------------------


def test_the_parts_are_all_clicks_with_the_same_share_of_either_class():
    generator = bars()
    feedback = clicked(generator)
    learnt, held = split(feedback, generator, 0.25, context())
    assert (len(learnt), learnt.positives, len(held), held.positives) == (300, 60, 100, 20)
    shown = torch.cat([images for _, images in feedback.samples(generator)])
    for part in (learnt, held):
        images = torch.cat([images for _, images in part.samples(generator)])
        same = torch.cdist(images.flatten(1), shown.flatten(1)).argmin(1)
        assert np.array_equal(part.labels, feedback.labels[same.numpy()]), "a click stays with its sample"
    together = torch.cat([learnt.noise(0, 300, 3), held.noise(0, 100, 3)])
    assert len(together.unique(dim=0)) == 400


def test_without_a_share_both_parts_are_the_clicks_as_they_are():
    generator = bars()
    feedback = clicked(generator)
    assert all(part is feedback for part in split(feedback, generator, 0.0, context()))


def test_each_part_has_both_classes_or_the_clicks_are_refused():
    generator, labels = bars(), np.zeros(40, dtype=bool)
    labels[:2] = True
    for share in (0.01, 0.99):
        assert [part.positives for part in split(Feedback(labels, "shown"), generator, share, context())] == [1, 1]
    labels[1] = False
    with pytest.raises(
        UsageError, match=r"holdout=0.5: 1 of 40 samples were clicked, and each part takes at least one"
    ):
        split(Feedback(labels, "shown"), generator, 0.5, context())


class Reading(ImageSurrogate):
    """Says "clicked" where the left bar is bright; or the opposite."""

    def __init__(self, cut, sign=1):
        super().__init__(1, SurrogateParams(members=1))
        self.cut, self.sign = cut, sign

    def forward(self, images):
        return self.sign * (left(images) - self.cut)


@pytest.mark.parametrize(("sign", "accuracy", "notes"), [(1, 1.0, 0), (-1, 0.0, 1)])
def test_what_learnt_too_little_is_told_in_one_sentence(sign, accuracy, notes):
    generator, told = bars(), Noting()
    bright = left(torch.cat([images for _, images in clicked(generator).samples(generator)]))
    within = context(progress=told)
    surrogate = Reading(float(bright.quantile(0.8)) - 1e-6, sign)
    assert calibrate(surrogate, clicked(generator), generator, 150, within) == pytest.approx(accuracy, abs=0.01)
    assert within.history == [{"step": 150.0, "balanced_accuracy": pytest.approx(accuracy, abs=0.01)}]
    assert len(told.notes) == notes
    assert all("on 400 held-out ones its balanced accuracy is 0.0" in note for note in told.notes)


def test_the_method_logs_how_good_its_surrogate_is_on_held_out_clicks():
    within = context()
    _, steps = trained(within=within, holdout=0.2, epochs=2)
    logged = [row for row in within.history if "balanced_accuracy" in row]
    assert [(row["phase"], row["step"]) for row in logged] == [("surrogate", SMALL["surrogate_steps"])]
    assert 0.8 < logged[0]["balanced_accuracy"] <= 1 and len(steps) == 2


def test_too_few_clicks_to_hold_some_out_are_told():
    one = Feedback(torch.arange(50).numpy() == 3, stream="feedback/0")
    with pytest.raises(UsageError, match=r"-p holdout=0.2: 1 of 50 samples were clicked.*leave it at 0"):
        split(one, bars(), 0.2, context())


# --- the second surrogate -------------------------------------------------------------------------------


def test_a_watcher_is_satisfied_where_few_samples_lie_above_its_level():
    generator = bars()
    surrogate = Reading(0.0)
    surrogate.threshold.fill_(float(left(generator(fresh())).quantile(0.8)))
    few, many = (Watcher(surrogate, wanted, 5, 300) for wanted in (0.1, 0.3))
    assert many.satisfied(generator, 3, 10, context()) and not few.satisfied(generator, 3, 10, context())
    assert not many.satisfied(generator, 3, 11, context()), "it looks at every fifth step alone"


@pytest.mark.parametrize("holdout", [0.0, 0.3])
def test_the_training_ends_when_the_second_surrogate_sees_the_feature_no_more(holdout):
    generator, noise = bars(), fresh()
    good = {"members": 2, "surrogate_steps": 60, "holdout": holdout}  # networks that know the bar well
    student, steps = trained(generator, stop_share=0.2, **good)
    assert 0 < len(steps) < SMALL["epochs"] and len(steps) % LOOK == 0
    cut = left(generator(noise)).quantile(0.8)
    assert float((left(student(noise)) >= cut).float().mean()) < 0.1, "a fifth was bright before"
    stricter = trained(generator, stop_share=0.02, **good)[1]
    assert len(stricter) >= len(steps)


def test_one_that_is_never_satisfied_changes_nothing_else():
    """It gives no gradient and takes no draw of the student's: the outcome is the same to the last bit."""
    generator, noise = bars(), fresh(50)
    student, steps = trained(generator, stop_share=1e-6, lr=1e-3, epochs=8)
    assert len(steps) == 8
    alone, _ = trained(generator, lr=1e-3, epochs=8)
    assert torch.equal(student(noise), alone(noise)) and not torch.equal(student(noise), generator(noise))


def test_a_resumed_training_ends_at_the_same_look(tmp_path, monkeypatch):
    """With a checkpoint after every step; it is cut off one step before the look that ends it, and at that look."""
    monkeypatch.setattr(context_module, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(context_module, "SAVING_SHARE", 0)
    generator, noise = bars(), fresh(50)
    settings = {"stop_share": 0.2, "lr": 2e-2, "surrogate_steps": 20, "members": 1}
    whole, steps = trained(generator, **settings)
    assert LOOK < len(steps) < SMALL["epochs"]

    def cut(step, **values):
        if step == last and "flagged" in values:
            raise KeyboardInterrupt

    for last in (len(steps) - 2, len(steps) - 1):
        path = tmp_path / str(last) / "checkpoint.pt"
        interrupted = context(checkpoint=path)
        interrupted.log = cut
        with pytest.raises(KeyboardInterrupt):
            trained(generator, within=interrupted, **settings)
        again, its_steps = trained(generator, within=context(checkpoint=path), **settings)
        assert torch.equal(again(noise), whole(noise)) and its_steps[-1] == steps[-1]


def test_the_second_surrogate_has_other_weights():
    """The one that is trained against would see what it was fooled by as little as before."""
    module = sys.modules[REGISTRY.get("methods", "surrogate").__module__]
    generator, within = bars(), context()
    config = module.Config(**SMALL, stop_share=0.1)
    first = module.fit_surrogate(generator, clicked(generator), config, within)
    second = module.watcher_for(generator, clicked(generator), config, within).surrogate
    assert not torch.equal(first.nets[0][0].weight, second.nets[0][0].weight)
    assert module.watcher_for(generator, clicked(generator), module.Config(**SMALL), within) is None
