"""What the engine does with metrics: columns in, values out, reasons where there are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_ends import NULL

from bench.api import Metric, Oracle, Value
from bench.api.metric_checks import RESERVED
from bench.authoring.conformance.toys import ToyClassifier
from bench.evaluation.described import Described
from bench.evaluation.looks import Looks
from bench.evaluation.metric_plugins import reserved_names
from bench.evaluation.metrics import compute_metrics, metric_columns
from bench.evaluation.own_metrics import OWN
from bench.evaluation.passes import Pass
from bench.evaluation.reference import Reference
from bench.registry import Registry
from bench.report.tables import agreement
from bench.report.tables.definitions import TABLES
from bench.report.tables.value_names import TIMINGS, value_names

SEEN = Described(NULL.scores[:, None], {"toy": NULL.embeddings}, {"toy": NULL.logits})
RESULT = Pass(SEEN, SEEN, NULL.identifier_scores, NULL.pixel_change)


def metric(numbers, reads=("labels",), extractor=False):
    class Some(Metric):
        columns = frozenset(reads)
        per_extractor = extractor

        def compute(self, columns):
            if isinstance(numbers, Exception):
                raise numbers
            return {name: Value(*value) for name, value in numbers.items()}

    return Some()


def test_the_names_of_the_engine_s_own_values_are_reserved():
    assert {value for own in OWN for value in own.values} | set(TIMINGS) <= RESERVED


def test_the_columns_that_tables_compute_are_reserved():
    """A plug-in's value of the same name would stand in their place."""
    owned = value_names(Registry()).owners
    columns = {name for table in TABLES.values() for name in table.metrics} | {*agreement.METRICS}
    assert {"ratio", "read_elsewhere", "verdict", "agrees", "target_images"} <= columns - owned.keys() <= RESERVED


def computed(metrics, columns=NULL, reference=NULL.reference, result=RESULT, reserved=None):
    """Return all values by name, and all reasons."""
    found = compute_metrics(metrics, columns, result, {"toy": Reference(reference)}, reserved or {}).values()
    values = {name: value for outcome in found for name, value in outcome.values.items()}
    return values, {name: reason for outcome in found for name, reason in outcome.skipped.items()}


def test_a_plug_in_s_value_may_not_be_called_as_a_table_s_column():
    reserved = reserved_names(Registry())
    for name in ("ratio", "verdict", "agrees"):
        found, skipped = computed({"own": metric({name: (1.0, 1, None)})}, reserved=reserved)
        assert not found and f"computes '{name}', a name that the benchmark uses itself" in skipped["own"]


def test_a_metric_without_its_columns_is_skipped_with_the_reason():
    names = ("roc_auc", "fidelity", "target_ratio")
    metrics = {name: Registry().get("metrics", name)() for name in names}
    found, skipped = computed(metrics, replace(NULL, identifier_scores=None), reference=None)
    assert set(found) == {"target_ratio", "original_target_ratio"}
    assert skipped == {
        "roc_auc": "the method has no identifier",
        "fidelity[toy]": "no reference",
    }


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ({"x": (float("nan"), 5, None)}, "x is nan"),
        ({"x": (0.5, 5, None, 0.0, float("inf"))}, "interval 0.0 to inf"),
        ({"theirs": (1.0, 5, None)}, "computes 'theirs', a name that the benchmark uses itself. Choose another name"),
        ({"theirs[x]": (1.0, 5, None)}, "computes 'theirs[x]', a name that the benchmark uses itself"),
        ({}, "not defined on these samples"),
        (KeyError("lost"), "KeyError: 'lost'"),
    ],
)
def test_a_bad_metric_is_skipped_with_the_reason_and_the_others_stay(numbers, reason):
    metrics = {"a": metric({"good": (0.25, 5, True)}), "b": metric(numbers)}
    found, skipped = computed(metrics, reserved={"theirs": "c", "good": "a"})
    assert found == {"good": Value(0.25, 5, True)}
    assert set(skipped) == {"b"} and reason in skipped["b"]


def test_values_become_plain_numbers():
    odd = {"x": (np.float32(0.5), np.int64(5), np.bool_(True), np.float64(0.25), torch.tensor(0.75))}
    found = computed({"a": metric(odd)})[0]["x"]
    assert [type(v) for v in vars(found).values()] == [float, int, bool, float, float, str]


def test_per_extractor_metrics_end_in_its_name():
    found, _ = computed({"a": metric({"x": (1.0, 5, None)}, reads=("embeddings",), extractor=True)})
    assert set(found) == {"x[toy]"}


def test_columns_are_cut_at_the_frozen_threshold_and_the_shipped_cuts():
    class Two(ToyClassifier):
        attributes, cuts = ("bright", "dark"), {"bright": 0.1, "dark": 0.6}

    before, after = np.array([[0.2, 0.5], [0.8, 0.7]]), np.array([[0.2, 0.6], [0.3, 0.1]])
    result = Pass(Described(before, {}, {}), Described(after, {}, {}), None, np.zeros(2))
    found = metric_columns(result, Oracle(Two(), "two", "bright", 0.3), {})
    assert found.labels.tolist() == [False, True] and found.original_labels.tolist() == [False, True]
    assert list(found.attributes.columns) == ["dark"], "the target is no attribute"
    assert found.counterfactual_error is None
    assert found.attributes["dark"].tolist() == [True, False]
    assert found.original_attributes["dark"].tolist() == [False, True]
    assert found.scores.tolist() == [0.2, 0.3] and found.original_scores.tolist() == [0.2, 0.8]


def test_counterfactual_error_is_skipped_where_no_data_set_knows_the_truth():
    metrics = {"counterfactual": Registry().get("metrics", "counterfactual")()}
    found, skipped = computed(metrics, replace(NULL, counterfactual_error=None))
    reason = "the data set cannot redraw images without the feature"
    assert found == {} and skipped == {"counterfactual": reason}


SWITCHES = {
    "type": lambda: torch.set_default_dtype(torch.float64),
    "device": lambda: torch.set_default_device("meta"),
    "gradients": lambda: torch.set_grad_enabled(not torch.is_grad_enabled()),
    "determinism": lambda: torch.use_deterministic_algorithms(True),
    "determinism, warned": lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "matrix precision": lambda: torch.set_float32_matmul_precision("medium"),
    "cuDNN": lambda: setattr(torch.backends.cudnn, "benchmark", True),
}


def settings():
    strict = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    switched = torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled(), torch.get_num_threads()
    return strict, switched, (torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark)


@pytest.mark.parametrize("error", [None, ValueError("mine"), SystemExit(3)], ids=repr)
@pytest.mark.parametrize("switch", SWITCHES)
def test_what_a_metric_switches_is_put_back_and_told_even_if_it_raises(switch, error):
    class Rogue(Metric):
        columns = frozenset()

        def compute(self, columns):
            self.switch()
            return {"x": Value(1.0, 5, None)}

        def look(self, original_images, images):
            self.switch()
            return np.zeros(len(images))

        def switch(self):
            SWITCHES[switch]()
            if error is not None:
                raise error

    rogue = Rogue()
    told = f"{type(error).__name__}: {error}" if error else "changes a setting of torch"
    before = settings()
    try:
        _, skipped = computed({"a": rogue})
        assert settings() == before and told in skipped["a"]
        looks = Looks({"a": rogue})
        looks.look(torch.zeros(2, 1, 2, 2, dtype=torch.uint8), torch.zeros(2, 1, 2, 2, dtype=torch.uint8))
        assert settings() == before and told in looks.found(2)["a"]
    finally:
        torch.use_deterministic_algorithms(before[0][0], warn_only=before[0][1])
        torch.set_default_dtype(before[1][0])
        torch.set_default_device(None)
        torch.set_grad_enabled(before[1][2])
        torch.set_num_threads(before[1][3])
        torch.set_float32_matmul_precision(before[2][0])
        torch.backends.cudnn.benchmark = before[2][1]
