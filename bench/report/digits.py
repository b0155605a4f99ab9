"""Numbers as they are printed: their uncertainty decides the digits."""

from __future__ import annotations

import math

FINEST = 6  # decimals
SIGNIFICANT = 3  # digits of a number without an uncertainty
NEAR = 3  # ratios below it have two decimals at least
NOISE = 1e-9  # a deviation below this share of the mean is rounding


def decimals(value: float, uncertainty: float | None) -> int:
    """Return how many decimals of a number mean something.

    The uncertainty has one significant digit, or two where it begins with 1 or 2.
    """
    if value == int(value) and not uncertainty and abs(value) < 1e15:
        return 0  # a count, or exactly nothing
    size = abs(uncertainty or value)
    exponent = math.floor(math.log10(size))
    leading = size / 10**exponent
    significant = SIGNIFICANT if not uncertainty else 2 if leading < 2.95 else 1
    return min(FINEST, max(0, significant - 1 - exponent))


def uncertainty_of(mean: float, sd: float | None, low: float | None, high: float | None) -> float | None:
    """Return what is known of a number's uncertainty: its deviation over seeds, else that of its 95 % interval."""
    if spreads(mean, sd):
        return sd
    if low is not None and high is not None and high > low:
        return (high - low) / (2 * 1.96)
    return None


def spreads(mean: float, sd: float | None) -> bool:
    """Return whether a deviation over seeds is more than rounding."""
    return sd is not None and sd > NOISE * abs(mean)


def fixed(value: float, places: int) -> str:
    """Write a number with so many decimals; never "-0.00"."""
    text = f"{value:,.{places}f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text


def after_point(number: str) -> int:
    """Return the length of a printed number from its decimal point on."""
    return len(number) - number.find(".") if "." in number else 0


def published(value: float) -> str:
    """Write a number of the paper as it stands there."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def times(value: float, places: int) -> str:
    """Write a ratio as a factor: "×0.61"."""
    return f"×{fixed(value, 0 if value == 1 else places)}"


def factor_places(value: float, spread: float | None) -> int:
    """Return the decimals of a ratio: two significant digits, or more near 1 and where its interval is narrow.

    Parameters
    ----------
    value : float
        Above 0; the smallest of the numbers that are written with these decimals.
    spread : float or None
        Upper over lower end of the interval.
    """
    width = math.log(spread) if spread is not None and spread > 1 else None
    significant = 2 if width is None or width > 0.2 else 3 if width > 0.02 else 4
    least = 2 if value < NEAR else 0
    return min(FINEST, max(least, significant - 1 - math.floor(math.log10(value)))) if value > 0 else 2
