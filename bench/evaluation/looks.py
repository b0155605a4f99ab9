"""Call each metric's ``look`` on the images of a pass, 64 consecutive samples at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Metric
from bench.api.metric_checks import rows_of
from bench.core.modes import untouched
from bench.core.rendering import chunks
from bench.errors import BenchError


class Looks:
    """Collects the results of ``look`` for batches of images.

    Parameters
    ----------
    metrics : mapping of str to Metric
        Those that look at images.
    """

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self._metrics = metrics
        self._rows: dict[str, list[NDArray[Any]]] = {name: [] for name in metrics}
        self._wrong: dict[str, str] = {}

    def look(self, f_images: Tensor, g_images: Tensor) -> None:
        """Show (B, C, H, W) uint8 images to every metric that raised nothing so far."""
        for name, metric in self._metrics.items():
            for start, stop in chunks(len(f_images)):
                if name in self._wrong:
                    break
                try:
                    with untouched():
                        rows = rows_of(metric, f_images[start:stop], g_images[start:stop])
                    self._rows[name].append(rows)
                except BenchError as error:
                    self._wrong[name] = str(error)
                except (Exception, SystemExit) as error:  # one broken metric must not cost the others
                    self._wrong[name] = f"look raised {type(error).__name__}: {error}"

    def found(self, count: int) -> dict[str, NDArray[Any] | str]:
        """Return by metric the rows of the first samples, or what was wrong."""
        return {name: self._wrong.get(name) or _joined(rows, count) for name, rows in self._rows.items()}


def _joined(rows: list[NDArray[Any]], count: int) -> NDArray[Any] | str:
    try:
        return np.concatenate(rows)[:count]
    except ValueError as error:
        return f"look returned rows of different shapes ({error})"
