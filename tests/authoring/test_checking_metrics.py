from __future__ import annotations

import pytest

from bench.authoring.conformance import toys

VALUE = "Value(removed / n, n, higher_is_better=True, low=low, high=high)"
BAD = {
    "nan": ((VALUE, "Value(float('nan'), n, None)"), "values_are_sound", "removed_share is nan"),
    "nan_low": ((VALUE, "Value(0.5, n, None, float('nan'), 1.0)"), "values_are_sound", "interval nan to 1.0"),
    "infinite_high": ((VALUE, "Value(0.5, n, None, 0.0, float('inf'))"), "values_are_sound", "interval 0.0 to inf"),
    "outside": ((VALUE, "Value(2.0, n, None, 0.0, 1.0)"), "values_are_sound", "= 2.0 lies outside [0.0, 1.0]"),
    "half_open": ((VALUE, "Value(0.5, n, None, low=0.0)"), "values_are_sound", "one end of an interval"),
    "countless": ((VALUE, "Value(0.5, 5000, None)"), "values_are_sound", "n is 5000 of 200 samples"),
    "random": ((VALUE, "Value(__import__('random').random(), n, None)"), "values_are_sound", "two calls differ"),
    "raising": ((VALUE, "columns.nowhere"), "values_are_sound", "AttributeError"),
    "unknown_column": (
        ('frozenset({"labels", ', 'frozenset({"lables", '), "columns_are_known",
        "reads an unknown column 'lables'. Did you mean 'labels'?",
    ),
    "unread": (('"original_labels", "looked"', '"original_labels", "embeddings"'), "columns_are_known", "one per extractor"),
    "unseen": (("def look(", "def lok("), "columns_are_known", "reads `looked`, which its method `look` returns"),
    "together": (
        (".flatten(1).any(1)  #", ".flatten(1).float().mean(1) - images.float().mean()  #"), "looks_at_each_image_alone",
        "look depends on the batch: images one by one differ by",
    ),
    "shapeless": ((".any(1)  #", ".any()  #"), "looks_at_each_image_alone", "a row of numbers per sample, not bool ()"),
    "grey": (
        ("return (images !=", "return (images.view(-1, 1, 28, 28) !="), "looks_at_each_image_alone", "RuntimeError",
    ),
    "taken": (
        ('"removed_share": Value', '"fid": Value'), "names_are_its_own", "computes fid, which the benchmark computes itself",
    ),
    "undeclared_value": (
        ('"changed_share": Value', '"changed": Value'), "names_are_its_own", "computes ['changed']; `values` does not name it",
    ),
    "undeclared": (
        (VALUE, "Value(float(columns.identifier_scores.mean()), n, None)"), "columns_are_declared",
        "compute reads a column that `columns` does not name and that may be None (AttributeError",
    ),
    "greedy": (
        (VALUE, "Value(float(columns.logits is None), n, None)"), "columns_are_declared", "values depend on columns",
    ),
    "untidy": (
        ("n, removed = int", "columns.scores[:] = 0\n        n, removed = int"), "columns_are_left_alone",
        "compute changes what it is handed: scores",
    ),
    "upside_down": (
        ("higher_is_better=True", "higher_is_better=False"), "perfect_is_not_worse_than_nothing",
        "removed_share is 1 where only the feature went and 0 where nothing changed; with higher_is_better=False that",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_metric_is_caught(name, changed, problems):
    change, where, message = BAD[name]
    changed("metric", change)
    found = problems("mine")
    assert message in found.get(where, ""), found


def test_toy_inputs_are_what_they_say():
    perfect, null = toys.toy_columns(perfect=True), toys.toy_columns(perfect=False)
    assert not perfect.labels.any() and perfect.original_labels.sum() == 40
    assert (null.labels == null.original_labels).all() and not null.pixel_change.any()
