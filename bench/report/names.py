"""File names for tables and figures: different requests get different names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.core.code_hash import digest


def file_stem(
    kind: str,
    *,
    suite: str,
    models: Sequence[str],
    features: Sequence[str],
    seeds: Sequence[int],
    usual_seeds: Sequence[int],
    more: Mapping[str, Any],
) -> str:
    """Return the name of a file without its suffix.

    Parameters
    ----------
    kind : str
        "table-2", for instance.
    suite : str
        Named unless it is "lite".
    models, features : sequence of str
        Named unless all were asked for.
    seeds, usual_seeds : sequence of int
        Named unless they are the usual ones.
    more : mapping of str to Any
        Everything else that was asked for; what is not empty is named by a hash.
    """
    rest = {name: value for name, value in more.items() if value}
    parts = [
        kind,
        *([suite] if suite != "lite" else []),
        *(["+".join(models)] if "all" not in models else []),
        *(["+".join(features)] if "all" not in features else []),
        *([f"s{ranges(seeds)}"] if list(seeds) != list(usual_seeds) else []),
        *([digest(rest)[:6]] if rest else []),
    ]
    return "-".join(parts)


def ranges(numbers: Sequence[int]) -> str:
    """Write numbers in short: "0-2", or "0+2+5"."""
    whole = list(numbers) == list(range(numbers[0], numbers[-1] + 1)) and len(numbers) > 1
    return f"{numbers[0]}-{numbers[-1]}" if whole else "+".join(map(str, numbers))
