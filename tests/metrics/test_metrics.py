"""Every metric on a perfect and on a null input, and by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from toy_ends import NULL, PERFECT

from bench.registry import Registry
from bench.toolkit.intervals import wilson


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


def test_the_interval_of_the_attribute_shift_covers_the_true_one():
    """Two attributes that change together, one up and one down, and one that grows apart from them."""
    rng, n, covered = np.random.default_rng(0), 400, 0
    for _ in range(200):
        before = rng.random((n, 3)) < (0.2, 0.6, 0.1)
        moves = np.stack([rng.random(n) < 0.15] * 2 + [rng.random(n) < 0.1], axis=1)
        after = np.where(moves, (True, False, True), before)
        frames = [pd.DataFrame(values, columns=["up", "down", "apart"]) for values in (before, after)]
        found = compute("diversity", replace(NULL, original_attributes=frames[0], attributes=frames[1]))
        shift = found["attribute_shift"]
        covered += shift.low <= (0.15 * 0.8 + 0.15 * 0.6 + 0.1 * 0.9) / 3 <= shift.high
    assert 182 <= covered <= 198


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


# --- roc_auc ------------------------------------------------------------------------------------------


def test_roc_auc_of_perfect_blind_and_inverted_identifiers():
    labels = NULL.original_labels
    assert values("roc_auc", replace(NULL, identifier_scores=labels.astype(float)))["roc_auc"] == 1.0
    assert values("roc_auc", replace(NULL, identifier_scores=np.zeros(200)))["roc_auc"] == 0.5
    assert values("roc_auc", replace(NULL, identifier_scores=-labels.astype(float)))["roc_auc"] == 0.0


def test_roc_auc_asks_what_the_original_drew_not_what_is_left():
    assert compute("roc_auc", PERFECT) == compute("roc_auc", NULL)


# --- Frechet distance and inception score -------------------------------------------------------------


def test_fid_of_identical_features_is_0_and_of_shifted_ones_the_shift():
    found = values("fidelity", NULL)
    assert found["fid"] == pytest.approx(0, abs=1e-6) == found["fid_retain"]
    shifted = replace(NULL, embeddings=NULL.embeddings + np.float32(2.0))
    assert values("fidelity", shifted)["fid"] == pytest.approx(4 * 2.0**2, rel=1e-5)  # four numbers, each by 2


def test_fid_retain_is_measured_against_the_other_reference():
    rest = replace(NULL.reference, mean=NULL.reference.mean + np.array([3.0, 0, 0, 0]))
    found = values("fidelity", replace(NULL, reference_retain=rest))
    assert found["fid"] == pytest.approx(0, abs=1e-6) and found["fid_retain"] == pytest.approx(9, rel=1e-6)
    assert "fid_retain" not in values("fidelity", replace(NULL, reference_retain=None))


def test_fid_counterfactual_is_measured_against_the_redrawn_training_set():
    redrawn = replace(NULL.reference, mean=NULL.reference.mean + np.array([0, 2.0, 0, 0]))
    found = values("fidelity", replace(NULL, reference_counterfactual=redrawn))
    assert found["fid_counterfactual"] == pytest.approx(4, rel=1e-6) and found["fid_counterfactual_change"] == 0
    assert "fid_counterfactual" not in values("fidelity", replace(NULL, reference_counterfactual=None))


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


# --- the oracle that clicked, and the judge -----------------------------------------------------------


def test_both_protocols_and_the_agreement_of_the_oracles():
    before, clicker = NULL.original_labels, NULL.original_labels.copy()
    clicker[:6] ^= True
    columns = replace(PERFECT, clicker_labels=clicker & ~before, clicker_original_labels=clicker)
    found = compute("agreement", columns)
    assert found["original_clicker_target_ratio"].value == clicker.mean() != before.mean()
    assert (
        found["clicker_target_ratio"].value
        == (clicker & ~before).mean()
        > 0
        == values("target_ratio", PERFECT)["target_ratio"]
    )
    assert found["oracle_disagreement"].value == 6 / 200
    assert (found["oracle_disagreement"].low, found["oracle_disagreement"].high) == wilson(6, 200)
    assert 0.8 < found["oracle_kappa"].value < 1 and found["oracle_kappa"].n == 200


def test_oracles_that_agree_have_kappa_1_and_one_label_for_all_has_none():
    same = replace(NULL, clicker_labels=NULL.labels, clicker_original_labels=NULL.original_labels)
    assert values("agreement", same)["oracle_kappa"] == 1.0
    never = np.zeros(200, bool)
    assert "oracle_kappa" not in values("agreement", replace(same, clicker_original_labels=never))


def test_samples_like_what_the_judge_learnt_from_are_near_and_shifted_ones_are_far():
    rng = np.random.default_rng(1)
    known, like, unlike = (
        rng.standard_normal((n, 4)).astype(np.float32) + s for n, s in ((900, 0), (600, 0), (600, 9))
    )
    columns = replace(NULL, oracle_embeddings=known, original_embeddings=like, embeddings=unlike)
    found = compute("oracle_far", columns)
    assert found["oracle_far"].value == 1.0 and 0.02 < found["original_oracle_far"].value < 0.09
    k = round(600 * found["original_oracle_far"].value)
    assert (found["original_oracle_far"].low, found["original_oracle_far"].high) == wilson(k, 600)
    assert values("oracle_far", replace(columns, embeddings=known))["oracle_far"] == 0.0, "its own images are not far"


# --- intervals, and differences from the original -----------------------------------------------------

SHIFTED = replace(NULL, embeddings=NULL.embeddings + np.float32(0.5), logits=NULL.logits * np.float32(1.05))
RETAINED = replace(  # the original differs from every reference: at a distance of 0 no influence is left to cancel
    SHIFTED,
    reference=replace(NULL.reference, mean=NULL.reference.mean - 3),
    reference_retain=replace(NULL.reference, mean=NULL.reference.mean - 2),
    reference_counterfactual=replace(NULL.reference, mean=NULL.reference.mean - 1),
    reference_embeddings=NULL.reference_embeddings - 1,
)


@pytest.mark.parametrize("name", ["fidelity", "kid"])
def test_changes_are_differences_from_the_original_with_intervals_of_pairs(name):
    found, before = (
        compute(name, RETAINED),
        values(name, replace(RETAINED, embeddings=NULL.embeddings, logits=NULL.logits)),
    )
    levels = {value for value in found if not value.endswith("_change")}
    assert found.keys() == levels | {f"{value}_change" for value in levels}
    assert levels == ({"kid"} if name == "kid" else {"fid", "fid_retain", "fid_counterfactual", "inception_score"})
    for value in levels:
        level, change = found[value], found[f"{value}_change"]
        assert change.value == pytest.approx(level.value - before[value], abs=1e-9)
        assert level.low < level.value < level.high and level.covers == "samples" and level.n == change.n == 200
        assert change.low < change.value < change.high and change.covers == "samples, in pairs of the same noise"
        assert change.higher_is_better is level.higher_is_better
        assert change.high - change.low < level.high - level.low, "what is common to both cancels"


@pytest.mark.parametrize("name", ["fidelity", "kid"])
def test_an_untouched_generator_changes_no_distance_and_has_no_interval_of_change(name):
    changes = {value: found for value, found in compute(name, NULL).items() if value.endswith("_change")}
    assert len(changes) == (1 if name == "kid" else 4)
    assert {(found.value, found.low, found.high) for found in changes.values()} == {(0.0, 0.0, 0.0)}


def test_no_interval_begins_below_the_least_possible_number():
    found = compute("fidelity", replace(NULL, embeddings=NULL.embeddings + np.float32(0.01)))
    assert found["fid"].low == 0.0 < found["fid"].high
    assert compute("fidelity", replace(NULL, logits=np.zeros((200, 3), np.float32)))["inception_score"].low == 1.0


def test_kid_of_one_distribution_is_about_0_and_of_a_shifted_one_is_not():
    same, other = compute("kid", NULL)["kid"], compute("kid", SHIFTED)["kid"]
    assert same.low < 0 < same.high, "it has no bias, so it may be negative"
    assert other.low > 0 and other.value > same.high
