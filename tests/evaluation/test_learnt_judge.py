"""A judge learnt from clicks: what it finds, what held-out clicks say of it, and when there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.api import Columns, Feedback
from bench.core import randomness
from bench.core.rendering import to_uint8
from bench.errors import BenchError
from bench.evaluation import learnt_judge, own_metrics
from bench.evaluation.learnt_judge import FOLDS, LearntJudge, learn, seen, shown_images
from bench.evaluation.own_metrics import Learnt, of


@pytest.fixture(scope="module")
def generator(bars):
    """Draws a bar whose thickness is the first noise value."""
    return bars.original.generator


def clicks(count=200, stream="feedback/0", above=1.0, dim=6):
    """Click on the samples with a thick bar."""
    return Feedback((randomness.draw(stream, range(count), dim)[:, 0] > above).numpy(), stream)


@pytest.fixture(scope="module")
def judge(generator):
    return learn(generator, clicks())


def test_it_finds_the_feature_in_samples_that_nobody_clicked(judge, generator):
    noise = randomness.draw("fresh", range(500), 6)
    called = judge.scores(to_uint8(generator(noise))) >= judge.cut
    thick = (noise[:, 0] > 1).numpy()
    assert called[thick].mean() > 0.8 and called[~thick].mean() < 0.05
    assert abs(called.mean() - thick.mean()) < 0.03


def test_as_many_held_out_samples_are_called_as_were_clicked(judge):
    called = judge.held_out >= judge.cut
    assert called.sum() == judge.labels.sum()
    assert judge.false_positives == (called & ~judge.labels).sum() == (~called & judge.labels).sum()
    agreement, low, high = judge.agreement
    rates = called[judge.labels].mean(), (~called[~judge.labels]).mean()
    assert agreement == pytest.approx(np.mean(rates)) and 0.8 < low < agreement < high <= 1


def test_the_same_clicks_give_the_same_judge_and_nobody_s_random_state_changes(judge, generator):
    torch.manual_seed(7)
    before = torch.get_rng_state()
    with torch.no_grad():
        again = learn(generator, clicks())
    assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(again.held_out, judge.held_out) and again.cut == judge.cut
    images = to_uint8(generator(randomness.draw("fresh", range(70), 6)))
    assert np.array_equal(again.scores(images), judge.scores(images))
    assert np.array_equal(judge.scores(images)[:65], judge.scores(images[:65])), "a sample counts alone"


def test_no_network_scores_what_it_was_trained_on(generator, monkeypatch):
    """Every held-out score comes from a network that never saw that sample."""
    trained, plain_fit, plain_scores = {}, learnt_judge._fit, learnt_judge._scores
    scored = []

    def fit(images, labels, stream):
        network = plain_fit(images, labels, stream)
        trained[id(network)] = (network, {image.numpy().tobytes() for image in images})
        return network

    def scores(network, images):
        scored.append((id(network), {image.numpy().tobytes() for image in images}))
        return plain_scores(network, images)

    monkeypatch.setattr(learnt_judge, "STEPS", 2)
    monkeypatch.setattr(learnt_judge, "_fit", fit)
    monkeypatch.setattr(learnt_judge, "_scores", scores)
    with pytest.raises(BenchError, match="agrees with clicks that it had not seen by"):
        learn(generator, clicks(120))
    assert len(scored) == FOLDS and sum(len(images) for _, images in scored) == 120
    for network, images in scored:
        assert not trained[network][1] & images and len(trained[network][1] | images) == 120


@pytest.mark.parametrize(("positives", "count"), [(9, 100), (91, 100), (1, 40)])
def test_few_clicks_teach_nothing(positives, count, generator):
    with pytest.raises(
        BenchError, match=f"{positives} of {count} samples were clicked; a judge is learnt from at least"
    ):
        learn(generator, Feedback(np.arange(count) < positives, "s"))


def test_clicks_at_random_teach_nothing(generator, monkeypatch):
    monkeypatch.setattr(learnt_judge, "STEPS", 60)
    labels = np.random.default_rng(0).random(200) < 0.3
    with pytest.raises(BenchError, match=r"by 0\.\d\d \[0\.\d\d, 0\.\d\d\], and 0.5 is chance. Click more samples"):
        learn(generator, Feedback(labels, "feedback/0"))


def test_noise_of_an_array_is_drawn_as_it_was_shown(generator):
    noise = randomness.draw("mine", range(70), 6)
    drawn = shown_images(generator, Feedback(np.zeros(70, bool), noise_array=noise.numpy()))
    assert torch.equal(drawn, shown_images(generator, Feedback(np.zeros(70, bool), "mine")))
    assert torch.equal(drawn[:64], to_uint8(generator(noise[:64])))


@pytest.mark.parametrize(("shape", "small"), [((1, 28, 28), (28, 28)), ((5, 128, 96), (32, 32)), ((3, 20, 64), (20, 32)), ((2, 1, 3), (1, 3))])  # fmt: skip  # noqa: E501
def test_images_of_any_size_and_channels_are_seen(shape, small):
    images = torch.randint(256, (80, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = np.arange(80) % 2 == 0
    assert seen(images).shape == (80, shape[0], *small)
    judge = LearntJudge(learnt_judge._fit(seen(images), labels, "s"), np.zeros(80), labels, 0.0)
    assert np.isfinite(judge.scores(images)).all() and judge.scores(images).shape == (80,)


# --- as metrics -----------------------------------------------------------------------------------------


def columns(looked):
    nothing = np.zeros(len(looked))
    return Columns(nothing, nothing, nothing, nothing, None, nothing, None, None, looked=looked)


def test_shares_are_counted_and_their_intervals_hold_the_judge_s_errors(generator, judge, monkeypatch):
    metric = Learnt(generator, clicks())
    monkeypatch.setattr(own_metrics, "learn", lambda *given: judge)
    before = to_uint8(generator(randomness.draw("fresh", range(64), 6)))
    looked = metric.look(before, torch.zeros_like(before))
    assert np.array_equal(looked[:, 0], judge.scores(before)) and (looked[:, 1] < judge.cut).all()
    found = metric.compute(columns(looked))
    assert found.keys() == Learnt.values
    assert found["original_learnt_target_ratio"].value == (looked[:, 0] >= judge.cut).mean() > 0
    gone, least = found["learnt_target_ratio"], found["learnt_resolution"]
    assert (gone.value, gone.n, gone.low) == (0, 64, 0)
    assert least.value == judge.false_positives / 200 and gone.high == pytest.approx(0.0566 + least.high, abs=1e-3)
    assert (found["learnt_agreement"].value, found["learnt_agreement"].n) == (judge.agreement[0], 200)


def test_a_judge_that_cannot_be_learnt_is_a_reason(generator):
    metric = Learnt(generator, Feedback(np.arange(50) < 5, "s"))
    images = torch.zeros(3, 1, 28, 28, dtype=torch.uint8)
    with pytest.raises(BenchError, match="5 of 50 samples were clicked"):
        metric.compute(columns(metric.look(images, images)))


def test_without_feedback_nothing_is_learnt(generator):
    assert [*of(generator, None)] == ["without_oracle"] and [*of(generator, clicks())] == [
        "without_oracle",
        "learnt_judge",
    ]
