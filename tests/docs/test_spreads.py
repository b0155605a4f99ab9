"""The table of spreads over clicks."""

from __future__ import annotations

import pandas as pd
import pytest
import sensitivity_tables


def test_a_spread_differs_only_where_the_intervals_are_disjoint(monkeypatch: pytest.MonkeyPatch) -> None:
    same = {"model": "vae", "feature": "slant", "seeds": 5, "n": 5000, "target_ratio": 0.01, "sd": 0.004}
    same |= {"counting": 0.1, "retain_change": 0.01}
    rows = [("", 0.4, 0.3, 0.5), ("lr=1", 0.2, 0.1, 0.25), ("lr=2", 0.2, 0.1, 0.35), ("lr=3", 0.9, 0.6, 1.2)]
    table = pd.DataFrame([{**same, "variant": v, "spread": s, "low": a, "high": b} for v, s, a, b in rows])
    monkeypatch.setattr(sensitivity_tables, "frame", lambda name: table)
    found = [line.split(" | ") for line in sensitivity_tables.spreads("any").splitlines()[2:6]]
    assert [cells[1] for cells in found] == ["the default", "lr=1", "lr=2", "lr=3"]
    assert [cells[-2] for cells in found] == ["", "another spread", "not shown to differ", "another spread"]
    assert found[0][4] == "0.40 (0.30 to 0.50)"
