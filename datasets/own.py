"""No data set: the samples of any generator, and a person's clicks on them; any feature, no oracle, no images.

Use it to unlearn from your own generator (``--weights``, ``--feedback``). Metrics that need an oracle or images to
compare with are skipped with that reason.
"""

from __future__ import annotations

from bench.api import DataError, Dataset, Split, hookimpl


class Own(Dataset):
    """No images and no oracle: only clicks."""

    classifier = None
    features = ()
    label = "no data set (clicks on the generator's own samples)"

    def split(self, name: str) -> Split:
        """Raise DataError."""
        raise DataError("data set 'own' has no images. Name another one: --dataset NAME")


@hookimpl
def register_datasets(register):  # type: ignore[no-untyped-def]
    register(Own)
