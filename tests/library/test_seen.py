"""``bench.evaluate`` draws and describes the original once, as long as it and its judge are what they were."""

from __future__ import annotations

import gc
from copy import deepcopy

import numpy as np
import pytest
import torch

import bench
from bench.library import seen

TASK = {"feature": "thickness", "dataset": "mnist", "extractors": ()}
CLICKS = bench.make_feedback([True, False] * 20, stream="feedback/0")


@pytest.fixture
def counted(monkeypatch):
    """Return how many samples were drawn of each generator, and how many images were scored."""
    drawn, scored = {}, []
    vae = type(bench.load("vae-mnist").generator)
    plain = vae.sample
    judge = bench.open_workspace().registry.get("classifiers", "morpho_mnist")
    measured = judge.scores

    def sample(self, noise):
        drawn[id(self)] = drawn.get(id(self), 0) + len(noise)
        return plain(self, noise)

    def scores(self, images, attributes):
        scored.append(len(images))
        return measured(self, images, attributes)

    monkeypatch.setattr(vae, "sample", sample)
    monkeypatch.setattr(judge, "scores", scores)
    return drawn, scored


def numbers(table):
    return table.drop(columns="source")


@pytest.fixture
def students(counted):
    original = bench.load("vae-mnist")
    made = [bench.unlearn(original, CLICKS, seed=seed, epochs=2, batch_size=8) for seed in (0, 1)]
    counted[0].clear()
    counted[1].clear()
    return original, made


def test_the_second_call_draws_one_chunk_and_its_numbers_are_those_of_a_fresh_one(students, counted):
    original, made = students
    drawn, scored = counted
    tables, cost = [], []
    for student in made:
        drawn.clear()
        scored.clear()
        tables.append(bench.evaluate(student, original, **TASK, count=300))
        cost.append((drawn[id(original.generator)], sum(scored)))
    assert cost[0][0] >= 320 and cost[1][0] <= 64 + 12, "one chunk, and what checks the generator"
    assert cost[0][1] >= 640 and cost[1][1] <= 320 + 64
    fresh = bench.evaluate(made[1], bench.load("vae-mnist"), **TASK, count=300)
    assert numbers(tables[1]).equals(numbers(fresh)) and not numbers(tables[0]).equals(numbers(fresh))


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("second", [65, 300, 400])
def test_other_counts_and_plain_generators(second, plain, students):
    original, made = students
    given = original.generator if plain else original
    bench.evaluate(made[0], given, **TASK, count=300)
    again = bench.evaluate(made[1], given, **TASK, count=second)
    fresh = bench.evaluate(made[1], bench.load("vae-mnist"), **TASK, count=second)
    assert numbers(again).equals(numbers(fresh))


def test_a_smaller_call_does_not_forget_a_larger_one(students, counted):
    original, made = students
    bench.evaluate(made[0], original, **TASK, count=300)
    bench.evaluate(made[1], original, **TASK, count=65)
    counted[1].clear()
    again = bench.evaluate(made[1], original, **TASK, count=300)
    assert sum(counted[1]) <= 320 + 64, "the student's images, and one chunk of the original's"
    assert numbers(again).equals(numbers(bench.evaluate(made[1], bench.load("vae-mnist"), **TASK, count=300)))


def test_what_a_changed_judge_said_of_more_samples_is_replaced(students, monkeypatch):
    original, made = students
    bench.evaluate(made[0], original, **TASK, count=300)
    judge = bench.open_workspace().registry.get("classifiers", "morpho_mnist")
    plain = judge.scores
    monkeypatch.setattr(judge, "scores", lambda self, images, attributes: plain(self, images, attributes) * 1.5)
    for count in (65, 300):
        again = bench.evaluate(made[1], original, **TASK, count=count)
        fresh = bench.evaluate(made[1], bench.load("vae-mnist"), **TASK, count=count)
        assert numbers(again).equals(numbers(fresh))
    (described,) = seen._SEEN[original.generator].described.values()
    assert len(described.scores) == 320


def changed_weights(generator):
    with torch.no_grad():
        next(generator.parameters()).mul_(1.2)


def least_change(generator):
    with torch.no_grad():
        next(generator.parameters()).view(-1)[0] += 1e-6


def hook(generator):
    generator.register_forward_hook(lambda module, given, images: images * 0.9)
    generator.layers.register_forward_hook(lambda module, given, images: images * 0.9)


@pytest.mark.parametrize("change", [changed_weights, least_change, hook])
def test_an_original_that_has_changed_is_drawn_again(change, students):
    original, made = students
    bench.evaluate(made[0], original, **TASK, count=300)
    change(original.generator)
    again = bench.evaluate(made[1], original, **TASK, count=300)
    fresh = bench.load("vae-mnist")
    change(fresh.generator)
    assert numbers(again).equals(numbers(bench.evaluate(made[1], fresh, **TASK, count=300)))


def test_a_judge_that_has_changed_looks_again(students, monkeypatch):
    original, made = students
    bench.evaluate(made[0], original, **TASK, count=130)
    judge = bench.open_workspace().registry.get("classifiers", "morpho_mnist")
    plain = judge.scores
    monkeypatch.setattr(judge, "scores", lambda self, images, attributes: plain(self, images, attributes) * 1.5)
    again = bench.evaluate(made[1], original, **TASK, count=130)
    assert numbers(again).equals(numbers(bench.evaluate(made[1], bench.load("vae-mnist"), **TASK, count=130)))


def test_another_feature_and_no_judge_at_all(students):
    original, made = students
    bench.evaluate(made[0], original, **TASK, count=130)
    for task in ({}, TASK | {"feature": "slant"}, TASK | {"extractors": ["digits"]}):
        again = bench.evaluate(made[1], original, **task, count=130)
        assert numbers(again).equals(numbers(bench.evaluate(made[1], bench.load("vae-mnist"), **task, count=130)))


def test_it_goes_with_the_generator_and_has_a_limit(students, monkeypatch):
    original, made = students
    alone = deepcopy(original)
    before = len(seen._SEEN)
    bench.evaluate(made[0], alone, count=65)
    assert len(seen._SEEN) == before + 1
    del alone
    gc.collect()
    assert len(seen._SEEN) == before
    monkeypatch.setattr(seen, "BYTES", 64 * 28 * 28)
    bench.evaluate(made[0], deepcopy(original), count=65)
    assert len(seen._SEEN) == before


def test_latents_that_are_not_the_noise_are_kept_too(module, plugins):
    plugins.add("wrapped", ("NoiseLatentGenerator, Params", "Generator as Base, Params"), ("class Generator(NoiseLatentGenerator)", "class Generator(Base)"), ("    def render(self, latents: Tensor) -> Tensor:\n", "    def sample(self, noise: Tensor) -> tuple[Tensor, Tensor]:\n        return noise.tanh(), self.decode(noise.tanh(), noise)\n\n    def decode(self, latents: Tensor, noise: Tensor) -> Tensor:\n"))  # fmt: skip
    code = __import__("sys").modules[bench.open_workspace(plugins.path).registry.get("models", "wrapped").__module__]
    original = code.Generator()
    made = [bench.unlearn(original, CLICKS, seed=seed, epochs=2, batch_size=8) for seed in (0, 1)]
    bench.evaluate(made[0], original, count=130)
    again = bench.evaluate(made[1], original, count=130)
    assert again.equals(bench.evaluate(made[1], deepcopy(original), count=130))
    assert np.isfinite(again.loc["flagged_change", "value"])
