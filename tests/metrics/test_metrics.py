from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from bench.api import Metric, Oracle, Statistics, Value
from bench.authoring.conformance.toys import ToyClassifier, toy_columns
from bench.core.progress import silent
from bench.core.rendering import to_float
from bench.evaluation.counterfactual import Remover
from bench.evaluation.metrics import columns_of, compute_metrics
from bench.evaluation.passes import Described, Observers, Pass, Truth, run_pass
from bench.registry import Registry
from bench.toolkit.frechet import frechet_distance, statistics_of
from bench.toolkit.intervals import wilson

PERFECT, NULL = toy_columns(perfect=True), toy_columns(perfect=False)


def compute(name, columns):
    return Registry().get("metrics", name)().compute(columns)


def values(name, columns):
    return {key: value.value for key, value in compute(name, columns).items()}


# --- target ratio, change, shift ----------------------------------------------------------------------


def test_target_ratio_of_perfect_and_null():
    assert values("target_ratio", PERFECT) == {"target_ratio": 0.0, "original_target_ratio": 0.2}
    assert values("target_ratio", NULL) == {"target_ratio": 0.2, "original_target_ratio": 0.2}
    found = compute("target_ratio", NULL)["target_ratio"]
    assert (found.low, found.high) == wilson(40, 200)
    assert found.n == 200 and found.higher_is_better is False


def test_retain_change_looks_only_where_the_feature_was_not():
    assert values("retain_change", PERFECT) == {"retain_change": 0.0}  # all change is on the positives
    change = np.where(NULL.original_labels, 0.9, np.linspace(0.1, 0.3, 200))
    found = compute("retain_change", replace(NULL, pixel_change=change))["retain_change"]
    kept = change[~NULL.original_labels]
    assert found.value == pytest.approx(kept.mean()) and found.n == 160
    half = 1.96 * kept.std(ddof=1) / np.sqrt(160)
    assert (found.low, found.high) == pytest.approx((kept.mean() - half, kept.mean() + half), rel=1e-4)


def test_attribute_shift_of_a_planted_shift():
    before = pd.DataFrame({"stays": [True, False] * 50, "grows": [False] * 100, "swaps": [True] * 50 + [False] * 50})
    after = pd.DataFrame({"stays": [True, False] * 50, "grows": [True] * 30 + [False] * 70, "swaps": [False] * 50 + [True] * 50})  # fmt: skip  # noqa: E501
    found = compute("diversity", replace(NULL, attributes=after, original_attributes=before))
    assert {name: v.value for name, v in found.items()} == {
        "attribute_shift": pytest.approx(0.1),  # (0 + 0.3 + 0) / 3: swapped samples leave the ratio alone
        "attribute_shift[stays]": 0.0,
        "attribute_shift[grows]": pytest.approx(0.3),
        "attribute_shift[swaps]": 0.0,
        "attribute_ratio[stays]": 0.5,
        "attribute_ratio[grows]": pytest.approx(0.3),
        "attribute_ratio[swaps]": 0.5,
    }
    assert (found["attribute_ratio[grows]"].low, found["attribute_ratio[grows]"].high) == wilson(30, 100)
    assert found["attribute_shift[stays]"].low == found["attribute_shift[stays]"].high == 0.0
    assert found["attribute_shift[grows]"].low == pytest.approx(0.3 - 1.96 * np.sqrt(0.21 / 99), rel=1e-4)
    assert found["attribute_shift[swaps]"].high == pytest.approx(1.96 * np.sqrt(1 / 99), rel=1e-4)
    back = values("diversity", replace(NULL, attributes=before, original_attributes=after))
    assert back["attribute_shift[grows]"] == pytest.approx(-0.3) and back["attribute_shift"] == pytest.approx(0.1)


def test_attribute_shift_of_an_untouched_generator_is_0():
    found = values("diversity", NULL)
    assert {number for name, number in found.items() if name.startswith("attribute_shift")} == {0.0}
    assert found["attribute_ratio[other]"] == NULL.original_attributes["other"].mean()


# --- counterfactual_error -----------------------------------------------------------------------------


def test_counterfactual_error_is_the_mean_over_the_samples_that_had_the_feature():
    parts = np.stack([np.linspace(0.1, 0.3, 200), np.linspace(0.2, 0.0, 200) ** 2], axis=1)
    errors = np.where(NULL.original_labels[:, None], parts, np.nan)
    found = compute("counterfactual", replace(NULL, counterfactual_error=errors))
    kept = parts[NULL.original_labels]
    wanted = {"": kept.sum(1), "_inside": kept[:, 0], "_outside": kept[:, 1]}
    assert set(found) == {f"counterfactual_error{suffix}" for suffix in wanted}
    for suffix, numbers in wanted.items():
        value = found[f"counterfactual_error{suffix}"]
        assert value.value == pytest.approx(numbers.mean()) and value.n == 40 and value.higher_is_better is False
        half = 1.96 * numbers.std(ddof=1) / np.sqrt(40)
        assert (value.low, value.high) == pytest.approx((numbers.mean() - half, numbers.mean() + half), rel=1e-4)
    perfect = np.where(NULL.original_labels[:, None], np.zeros((200, 2)), np.nan)
    assert set(values("counterfactual", replace(NULL, counterfactual_error=perfect)).values()) == {0.0}


def test_counterfactual_error_is_skipped_where_no_data_set_knows_the_truth():
    metrics = {"counterfactual": Registry().get("metrics", "counterfactual")()}
    found, skipped = computed(metrics, replace(NULL, counterfactual_error=None))
    reason = "there is no counterfactual_error (the data set cannot redraw an image without the feature)"
    assert found == {} and skipped == {"counterfactual": reason}


# --- roc_auc ------------------------------------------------------------------------------------------


def test_roc_auc_of_perfect_blind_and_inverted_identifiers():
    labels = NULL.original_labels
    assert values("roc_auc", replace(NULL, projection=labels.astype(float)))["roc_auc"] == 1.0
    assert values("roc_auc", replace(NULL, projection=np.zeros(200)))["roc_auc"] == 0.5
    assert values("roc_auc", replace(NULL, projection=-labels.astype(float)))["roc_auc"] == 0.0


def test_roc_auc_asks_what_the_original_drew_not_what_is_left():
    assert compute("roc_auc", PERFECT) == compute("roc_auc", NULL)


# --- Frechet distance and inception score -------------------------------------------------------------


def gaussian(mean, covariance):
    return Statistics(np.asarray(mean, dtype=float), np.asarray(covariance, dtype=float), 1000, "test")


def test_frechet_distance_of_known_gaussians():
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    a, b = np.array([1.0, 4.0, 9.0]), np.array([4.0, 4.0, 1.0])
    first, second = rotation @ np.diag(a) @ rotation.T, rotation @ np.diag(b) @ rotation.T
    assert frechet_distance(gaussian([0, 0, 0], first), gaussian([0, 0, 0], first)) == pytest.approx(0, abs=1e-6)
    # commuting covariances: |difference of means|^2 + sum of (sqrt a - sqrt b)^2
    wanted = 1 + 4 + 9 + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
    found = frechet_distance(gaussian([0, 0, 0], first), gaussian([1, 2, 3], second))
    assert found == pytest.approx(wanted, rel=1e-9)
    assert frechet_distance(gaussian([1, 2, 3], second), gaussian([0, 0, 0], first)) == pytest.approx(wanted, rel=1e-9)


def test_statistics_are_mean_and_unbiased_covariance():
    features = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    found = statistics_of(features, "test")
    np.testing.assert_allclose(found.mean, features.mean(0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(features.astype(np.float64), rowvar=False), rtol=1e-10)
    assert found.n == 50


def test_fid_of_identical_features_is_0_and_of_shifted_ones_the_shift():
    found = values("fidelity", NULL)
    assert found["fid"] == pytest.approx(0, abs=1e-6) == found["fid_retain"]
    shifted = replace(NULL, features=NULL.features + np.float32(2.0))
    assert values("fidelity", shifted)["fid"] == pytest.approx(4 * 2.0**2, rel=1e-5)  # four features, each by 2


def test_fid_retain_is_measured_against_the_other_reference():
    rest = replace(NULL.reference, mean=NULL.reference.mean + np.array([3.0, 0, 0, 0]))
    found = values("fidelity", replace(NULL, reference_retain=rest))
    assert found["fid"] == pytest.approx(0, abs=1e-6) and found["fid_retain"] == pytest.approx(9, rel=1e-6)
    assert "fid_retain" not in values("fidelity", replace(NULL, reference_retain=None))


@pytest.mark.parametrize("classes", [2, 10])
def test_inception_score_of_undecided_and_of_decided_predictions(classes):
    undecided = np.zeros((200, classes), dtype=np.float32)
    assert values("fidelity", replace(NULL, logits=undecided))["inception_score"] == pytest.approx(1)
    one_hot = 100 * np.eye(classes, dtype=np.float32)[np.arange(200) % classes]
    assert values("fidelity", replace(NULL, logits=one_hot))["inception_score"] == pytest.approx(classes, rel=1e-6)
    always_the_same = 100 * np.eye(classes, dtype=np.float32)[np.zeros(200, dtype=int)]
    assert values("fidelity", replace(NULL, logits=always_the_same))["inception_score"] == pytest.approx(1)


def test_inception_score_takes_one_split_and_does_not_depend_on_the_order():
    logits = np.random.default_rng(0).normal(size=(200, 10)).astype(np.float32) * 3
    p = torch.softmax(torch.from_numpy(logits).double(), 1).numpy()
    by_hand = np.exp((p * (np.log(p) - np.log(p.mean(0)))).sum(1).mean())
    assert values("fidelity", replace(NULL, logits=logits))["inception_score"] == pytest.approx(by_hand, rel=1e-5)
    again = values("fidelity", replace(NULL, logits=logits[::-1].copy()))["inception_score"]
    assert again == pytest.approx(by_hand, rel=1e-5)


# --- what the engine does with metrics ----------------------------------------------------------------

SEEN = Described(NULL.scores[:, None], {"toy": NULL.features}, {"toy": NULL.logits})
RESULT = Pass(SEEN, SEEN, NULL.projection, NULL.pixel_change)


def metric(numbers, reads=("labels",), extractor=False):
    class Some(Metric):
        columns = frozenset(reads)
        per_extractor = extractor

        def compute(self, columns):
            if isinstance(numbers, Exception):
                raise numbers
            return {name: Value(*value) for name, value in numbers.items()}

    return Some()


def computed(metrics, columns=NULL, reference=NULL.reference):
    return compute_metrics(metrics, columns, RESULT, {"toy": (reference, None)})


def test_a_metric_without_its_columns_is_skipped_with_the_reason():
    names = ("roc_auc", "fidelity", "target_ratio")
    metrics = {name: Registry().get("metrics", name)() for name in names}
    found, skipped = computed(metrics, replace(NULL, projection=None), reference=None)
    assert set(found) == {"target_ratio", "original_target_ratio"}
    assert skipped == {
        "roc_auc": "there is no identifier of the method itself",
        "fidelity[toy]": "there is no reference",
    }


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ({"x": (float("nan"), 5, None)}, "x is nan"),
        ({"x": (0.5, 5, None, 0.0, float("inf"))}, "interval 0.0 to inf"),
        ({"good": (1.0, 5, None)}, "another metric computes good too"),
        ({}, "is not defined on these samples"),
        (KeyError("lost"), "KeyError: 'lost'"),
    ],
)
def test_a_bad_metric_is_skipped_with_the_reason_and_the_others_stay(numbers, reason):
    found, skipped = computed({"a": metric({"good": (0.25, 5, True)}), "b": metric(numbers)})
    assert found == {"good": Value(0.25, 5, True)}
    assert set(skipped) == {"b"} and reason in skipped["b"]


def test_values_become_plain_numbers():
    odd = {"x": (np.float32(0.5), np.int64(5), np.bool_(True), np.float64(0.25), torch.tensor(0.75))}
    found = computed({"a": metric(odd)})[0]["x"]
    assert [type(v) for v in vars(found).values()] == [float, int, bool, float, float]


def test_per_extractor_metrics_end_in_its_name():
    found, _ = computed({"a": metric({"x": (1.0, 5, None)}, reads=("features",), extractor=True)})
    assert set(found) == {"x[toy]"}


def test_columns_are_cut_at_the_frozen_threshold_and_the_shipped_cuts():
    class Two(ToyClassifier):
        attributes, cuts = ("bright", "dark"), {"bright": 0.1, "dark": 0.6}

    before, after = np.array([[0.2, 0.5], [0.8, 0.7]]), np.array([[0.2, 0.6], [0.3, 0.1]])
    result = Pass(Described(before, {}, {}), Described(after, {}, {}), None, np.zeros(2))
    found = columns_of(result, Oracle(Two(), "two", "bright", 0.3), {})
    assert found.labels.tolist() == [False, True] and found.original_labels.tolist() == [False, True]
    assert list(found.attributes.columns) == ["dark"], "the target is no attribute"
    assert found.counterfactual_error is None
    assert found.attributes["dark"].tolist() == [True, False]
    assert found.original_attributes["dark"].tolist() == [False, True]
    assert found.scores.tolist() == [0.2, 0.3] and found.original_scores.tolist() == [0.2, 0.8]


# --- the pass -----------------------------------------------------------------------------------------


@pytest.fixture
def observers():
    from bench.workspace import loading

    extractor = loading.load_extractor(Registry(), "digits", "digits")[0]
    return Observers(Registry().get("classifiers", "morpho_mnist")(), {"digits": extractor})


def unlike(generator):
    other = deepcopy(generator)
    with torch.no_grad():
        other.layer.bias[0] -= 0.7
    return other


def test_a_pass_is_the_same_for_another_block_size(bars, observers, monkeypatch):
    f = bars.original.generator
    g, score = unlike(f), torch.nn.Linear(6, 1)
    score.forward = lambda z: z[:, 0]
    passes = []
    for block in (64, 128, 1024):
        monkeypatch.setattr("bench.evaluation.passes.BLOCK", block)
        passes.append(run_pass(f, g, score, observers, 200, silent()))
    for other in passes[1:]:
        for a, b in ((passes[0].original, other.original), (passes[0].unlearned, other.unlearned)):
            assert np.array_equal(a.scores, b.scores)
            assert np.array_equal(a.features["digits"], b.features["digits"])
            assert np.array_equal(a.logits["digits"], b.logits["digits"])
        assert np.array_equal(passes[0].pixel_change, other.pixel_change)
        assert np.array_equal(passes[0].projection, other.projection)
    assert passes[0].pixel_change.min() > 0 and len(passes[0].projection) == 200


def test_a_pass_agrees_with_images_drawn_one_by_one(bars, observers):
    from bench.core import randomness
    from bench.core.rendering import to_uint8

    f = bars.original.generator
    g = unlike(f)
    result = run_pass(f, g, None, observers, 70, silent())
    assert result.projection is None
    for i in (0, 63, 64, 69):
        noise = randomness.draw(randomness.EVALUATION, [i], 6)
        a, b = to_uint8(f(noise)), to_uint8(g(noise))
        assert result.pixel_change[i] == pytest.approx(float((to_float(a) - to_float(b)).abs().mean()), abs=2e-4)
        scores = observers.classifier.scores(b, observers.classifier.attributes)[0]
        np.testing.assert_allclose(result.unlearned.scores[i], scores, rtol=0.02, atol=0.02)


def test_a_cached_description_of_the_original_changes_nothing(bars, observers, tmp_path):
    f = bars.original.generator
    fresh = run_pass(f, unlike(f), None, observers, 100, silent())
    fresh.original.save(tmp_path / "columns.npz")
    cached = Described.load(tmp_path / "columns.npz")
    again = run_pass(f, unlike(f), None, observers, 100, silent(), cached)
    for a, b in ((fresh.original, again.original), (fresh.unlearned, again.unlearned)):
        assert np.array_equal(a.scores, b.scores) and a.scores.dtype == b.scores.dtype
        assert np.array_equal(a.features["digits"], b.features["digits"])
        assert np.array_equal(a.logits["digits"], b.logits["digits"])


@pytest.mark.parametrize("block", [64, 1024])
def test_the_error_of_positives_is_their_distance_from_the_truth(bars, observers, monkeypatch, block):
    monkeypatch.setattr("bench.evaluation.passes.BLOCK", block)
    f = bars.original.generator
    oracle = Oracle(observers.classifier, "morpho_mnist", "thickness", 4.0)
    leaves_all = Remover(f.image_shape)  # an empty support: the truth is what f drew
    result = run_pass(f, unlike(f), None, observers, 130, silent(), truth=Truth(leaves_all, oracle))
    names = list(observers.classifier.attributes)
    positive = result.original.scores[:, names.index("thickness")] >= 4.0
    assert 0 < positive.sum() < 130
    errors = columns_of(result, oracle, {}).counterfactual_error
    assert np.array_equal(np.isnan(errors).any(1), ~positive) and not errors[positive, 0].any()
    np.testing.assert_allclose(errors[positive, 1], result.pixel_change[positive], rtol=1e-6)
    assert run_pass(f, unlike(f), None, observers, 10, silent()).counterfactual_error is None


def test_an_unchanged_generator_changes_no_pixel(bars, observers):
    f = bars.original.generator
    result = run_pass(f, deepcopy(f), None, observers, 10, silent())
    assert not result.pixel_change.any()
    assert np.array_equal(result.original.scores, result.unlearned.scores)
