"""The tables of networks trained on photographs, from known rows."""

from __future__ import annotations

import pandas as pd
import pytest
import reference_numbers
import reference_photographs

DATA = "CelebA, 48 photographs"


@pytest.fixture(autouse=True)
def known(tmp_path, monkeypatch):
    """Let the tables read two small files."""
    (tmp_path / "celeba" / "proggan").mkdir(parents=True)
    oracle = {"copy": "a", "feature": "bang", "n": 8, "data": DATA, "rate": 0.25}
    pd.DataFrame([
        oracle | {"split": "test", "cut": 0.0, "rate_said": 0.5, "balanced_accuracy": 0.75, "kappa_with_other": 0.9},
        oracle | {"split": "test", "cut": -0.3, "rate_said": 0.25, "balanced_accuracy": 0.8},
        oracle | {"split": "train", "cut": 0.0, "rate_said": 0.3, "balanced_accuracy": 1.0, "kappa_with_other": 1.0},
    ]).to_csv(tmp_path / "celeba" / "oracles.csv", index=False)  # fmt: skip
    rates = [("bang", 0.13, 0.16, 0.15), ("Male", 0.2, 0.4, 0.42), ("Wearing_Hat", 0.0, 0.02, None)]
    rates.append(("Smiling", 0.4, 0.5, 0.5))
    rows = [
        {"kind": "rate", "what": w, "samples": s, "photographs": p, "table": t, "agrees": w != "Male"}
        for w, s, p, t in rates
    ]
    near = [("faces-celeba, sample 0", 3.0, 0.4), ("faces-celeba, sample 1", 1.0, 0.0), ("pixels, sample 0", 0.1, 0.5)]
    rows += [{"kind": "nearest", "what": w, "samples": s, "photographs": p} for w, s, p in near]
    pd.DataFrame(rows).assign(n=32, data=DATA).to_csv(tmp_path / "celeba" / "proggan" / "generator.csv", index=False)
    monkeypatch.setattr(reference_numbers, "REFERENCE", tmp_path)
    reference_numbers.frame.cache_clear()
    yield
    reference_numbers.frame.cache_clear()


def test_oracles_have_a_row_at_each_cut_of_the_split():
    lines = reference_photographs.oracles("test").splitlines()
    assert lines[2:4] == [
        "| a, bang | 0 | 0.250 | 0.500 | 0.750 | 0.90 |",
        "| a, bang | -0.3, calibrated | 0.250 | 0.250 | 0.800 |  |",
    ]
    assert lines[-1] == f"*{DATA}; split `test`, 8 photographs.*"
    with pytest.raises(ValueError, match="no split 'valid'"):
        reference_photographs.oracles("valid")


def test_rates_that_agree_are_counted_and_a_feature_is_not_counted_twice():
    lines = reference_photographs.drawn("proggan").splitlines()
    assert lines[2] == "| bang | 0.130 | 0.160 | 0.150 |" and lines[4] == "| Wearing_Hat | 0.000 | 0.020 |  |"
    assert reference_photographs.within("proggan") == "2 of 3"
    assert len(reference_photographs.drawn("proggan", only="Male,bang").splitlines()) == 6
    with pytest.raises(ValueError, match="has no rate of Bald"):
        reference_photographs.drawn("proggan", only="Male,Bald")


def test_the_nearest_photographs_are_told_by_space():
    lines = reference_photographs.copies("proggan").splitlines()
    assert lines[2:4] == [
        "| `faces-celeba` | 1.000, 2.000 | 0.00, 0.20 |",
        "| pixels | 0.100, 0.100 | 0.50, 0.50 |",
    ]
    assert lines[-1] == f"*{DATA}; the first 2 samples of proggan.*"
