"""MNIST with its labels as features, ``digit=0`` to ``digit=9``; the images and files are those of ``mnist``.

Its features are found by their names, so ``--feature digit=1`` on a model of ``mnist`` is all that is typed.
"""

from __future__ import annotations

from bench.api import Dataset, FurtherFeatures, Split, hookimpl

from .mnist import Mnist

DIGITS = {f"digit={value}": value for value in range(10)}


class MnistDigits(Mnist, FurtherFeatures):
    """28x28 grey digits; a feature is a digit; the oracle is a network that reads digits."""

    images_of = "mnist"
    classifier = "digit_reader"
    features: tuple[str, ...] = tuple(DIGITS)  # type: ignore[assignment]
    lowered = Dataset.lowered  # a digit is not a matter of more or less
    feature_attributes = {name: (name, True) for name in DIGITS}

    def split(self, name: str) -> Split:
        """Read a split of ``mnist``; each digit is a column too."""
        found = super().split(name)
        columns = {feature: found.attributes["digit"] == value for feature, value in DIGITS.items()}
        return Split(found.attributes.assign(**columns), found.read, found.sha256)


@hookimpl
def register_datasets(register):  # type: ignore[no-untyped-def]
    register(MnistDigits)
