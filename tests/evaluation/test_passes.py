"""The evaluation pass: what is seen of original and unlearned, sample by sample."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch

from bench.api import Oracle
from bench.core.blocks import Blocks
from bench.core.memory import Memory
from bench.core.progress import silent
from bench.core.rendering import to_float
from bench.evaluation.counterfactual import Remover
from bench.evaluation.described import Described, Observers
from bench.evaluation.drawing import Pair
from bench.evaluation.metrics import metric_columns
from bench.evaluation.passes import Truth, run_pass, unchanged
from bench.registry import Registry


@pytest.fixture
def observers():
    from bench.workspace.weights import observers

    extractor = observers.load_extractor(Registry(), "digits", "digits")[0]
    return Observers(Registry().get("classifiers", "morpho_mnist")(), {"digits": extractor})


def unlike(generator):
    other = deepcopy(generator)
    with torch.no_grad():
        other.layer.bias[0] -= 0.7
    return other


def test_a_pass_is_the_same_for_another_block_size(bars, observers, monkeypatch):
    f = bars.original.generator
    g, identifier = unlike(f), torch.nn.Linear(6, 1)
    identifier.forward = lambda z: z[:, 0]
    passes = []
    for block in (64, 128, 1024):
        monkeypatch.setattr("bench.evaluation.passes.BLOCK", block)
        passes.append(run_pass(Pair(f, g, 200), observers, silent(), identifier=identifier))
    for other in passes[1:]:
        for a, b in ((passes[0].original, other.original), (passes[0].unlearned, other.unlearned)):
            assert np.array_equal(a.scores, b.scores)
            assert np.array_equal(a.embeddings["digits"], b.embeddings["digits"])
            assert np.array_equal(a.logits["digits"], b.logits["digits"])
        assert np.array_equal(passes[0].pixel_change, other.pixel_change)
        assert np.array_equal(passes[0].identifier_scores, other.identifier_scores)
    assert passes[0].pixel_change.min() > 0 and len(passes[0].identifier_scores) == 200


def test_a_pass_agrees_with_images_drawn_one_by_one(bars, observers):
    from bench.core import randomness
    from bench.core.rendering import to_uint8

    f = bars.original.generator
    g = unlike(f)
    result = run_pass(Pair(f, g, 70), observers, silent())
    assert result.identifier_scores is None
    for i in (0, 63, 64, 69):
        noise = randomness.draw(randomness.EVALUATION, [i], 6)
        a, b = to_uint8(f(noise)), to_uint8(g(noise))
        assert result.pixel_change[i] == pytest.approx(float((to_float(a) - to_float(b)).abs().mean()), abs=2e-4)
        scores = observers.classifier.scores(b, observers.classifier.attributes)[0]
        np.testing.assert_allclose(result.unlearned.scores[i], scores, rtol=0.02, atol=0.02)


def test_a_cached_description_of_the_original_changes_nothing(bars, observers, tmp_path):
    f = bars.original.generator
    fresh = run_pass(Pair(f, unlike(f), 100), observers, silent())
    fresh.original.save(tmp_path / "columns.npz")
    cached = Described.load(tmp_path / "columns.npz")
    again = run_pass(Pair(f, unlike(f), 100), observers, silent(), cached=cached)
    for a, b in ((fresh.original, again.original), (fresh.unlearned, again.unlearned)):
        assert np.array_equal(a.scores, b.scores) and a.scores.dtype == b.scores.dtype
        assert np.array_equal(a.embeddings["digits"], b.embeddings["digits"])
        assert np.array_equal(a.logits["digits"], b.logits["digits"])


@pytest.mark.parametrize("block", [64, 1024])
def test_the_error_of_positives_is_their_distance_from_the_truth(bars, observers, monkeypatch, block):
    monkeypatch.setattr("bench.evaluation.passes.BLOCK", block)
    f = bars.original.generator
    oracle = Oracle(observers.classifier, "morpho_mnist", "thickness", 4.0)
    leaves_all = Remover(f.image_shape)  # an empty support: the truth is what f drew
    result = run_pass(Pair(f, unlike(f), 130), observers, silent(), truth=Truth(leaves_all, oracle))
    names = list(observers.classifier.attributes)
    positive = result.original.scores[:, names.index("thickness")] >= 4.0
    assert 0 < positive.sum() < 130
    errors = metric_columns(result, oracle, {}).counterfactual_error
    assert np.array_equal(np.isnan(errors).any(1), ~positive) and not errors[positive, 0].any()
    np.testing.assert_allclose(errors[positive, 1], result.pixel_change[positive], rtol=1e-6)
    assert run_pass(Pair(f, unlike(f), 10), observers, silent()).counterfactual_error is None


def test_an_unchanged_generator_changes_no_pixel(bars, observers):
    f = bars.original.generator
    result = run_pass(Pair(f, deepcopy(f), 10, unchanged(f, deepcopy(f))), observers, silent())
    assert not result.pixel_change.any()
    assert np.array_equal(result.original.scores, result.unlearned.scores)


def brighter(generator):
    generator.render = lambda latents, plain=generator.render: plain(latents) + 0.1


def hooked(generator):
    generator.layer.register_forward_hook(lambda module, given, out: out - 0.7)


@pytest.mark.parametrize("change", [brighter, hooked, lambda g: g.register_forward_hook(lambda *a: a[-1] * 0.5)])
def test_a_copy_with_equal_weights_that_draws_otherwise_is_not_unchanged(change, bars, observers):
    f = bars.original.generator
    g = deepcopy(f)
    assert unchanged(f, g) and not unchanged(f, unlike(f))
    change(g)
    assert not unchanged(f, g)
    assert run_pass(Pair(f, g, 10, unchanged(f, g)), observers, silent()).pixel_change.min() > 0


def test_a_stopped_pass_resumes_by_block(observers, bars, monkeypatch, tmp_path):
    """What was described is not drawn again, and nothing of the outcome differs; a changed block is made again."""
    f, g = bars.original.generator, unlike(bars.original.generator)
    monkeypatch.setattr("bench.evaluation.passes.BLOCK", 64)
    whole = run_pass(Pair(f, g, 200), observers, silent(), identifier=lambda latents: latents[:, 0])
    drawn = []

    def drawing(*asked):
        drawn.append(asked[1])
        if len(drawn) == 3:
            raise KeyboardInterrupt
        return plain(*asked)

    from bench.evaluation import passes

    plain = passes.drawn
    monkeypatch.setattr(passes, "drawn", drawing)
    kept = Blocks(tmp_path / "blocks")
    with pytest.raises(KeyboardInterrupt):
        run_pass(Pair(f, g, 200), observers, silent(), identifier=lambda latents: latents[:, 0], keep=kept)
    changed = tmp_path / "blocks" / "000000000064.pt"
    content = bytearray(changed.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(content)
    again = run_pass(Pair(f, g, 200), observers, silent(), identifier=lambda latents: latents[:, 0], keep=kept)
    assert drawn == [0, 64, 128, 64, 128, 192]
    for name in ("identifier_scores", "pixel_change"):
        assert np.array_equal(getattr(whole, name), getattr(again, name))
    assert np.array_equal(whole.unlearned.embeddings["digits"], again.unlearned.embeddings["digits"])
    assert np.array_equal(whole.original.scores, again.original.scores)
    kept.forget()
    assert not (tmp_path / "blocks").exists()


def test_no_observer_looks_twice_at_a_block_of_images(bars, observers, monkeypatch, tmp_path):
    """Not for more samples, not for another student; a further extractor looks alone. All numbers stay the same."""
    monkeypatch.setattr("bench.evaluation.passes.BLOCK", 64)
    f, looked = bars.original.generator, []
    plain = observers.extractors["digits"]

    class Counting:
        def __init__(self, name):
            self.name = name

        def outputs(self, images):
            looked.append(self.name)
            return plain.outputs(images)

    def seen(count, g, *names):
        looked.clear()
        memories = {f"extractor {name}": Memory(tmp_path / name, name) for name in names}
        memories["judge"] = Memory(tmp_path / "judge", "judge")
        own = Observers(observers.classifier, {name: Counting(name) for name in names}, memories)
        return run_pass(Pair(f, g, count), own, silent())

    first = seen(128, unlike(f), "one")
    assert looked == ["one"] * 4, "two blocks of the original, and two of the student"
    longer = seen(192, unlike(f), "one", "two")
    assert looked.count("one") == 2 and looked.count("two") == 6
    seen(192, deepcopy(f), "one", "two")
    assert looked == []
    whole = run_pass(Pair(f, unlike(f), 192), observers, silent())
    for mine, other in ((first, whole), (longer, whole)):
        n = len(mine.pixel_change)
        assert np.array_equal(mine.unlearned.embeddings["one"], other.unlearned.embeddings["digits"][:n])
        assert np.array_equal(mine.original.scores, other.original.scores[:n])
        assert np.array_equal(mine.unlearned.logits["one"], other.unlearned.logits["digits"][:n])
