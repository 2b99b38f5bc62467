"""The few statistics that a report needs."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, lgamma, log, sqrt
from typing import NamedTuple

_Z95 = 1.959963984540054  # the normal distribution's quantile of a two-sided 95 %
_TINY, _EXACT, _STEPS = 1e-300, 1e-15, 500


class Interval(NamedTuple):
    """A share and the 95 % interval around it, all between 0 and 1."""

    share: float
    low: float
    high: float


def wilson(count: int, total: int) -> Interval:
    """Return the share of `count` in `total` (> 0) with Wilson's score interval (Wilson 1927)."""
    share, squared = count / total, _Z95**2
    centre = (share + squared / (2 * total)) / (1 + squared / total)
    half = _Z95 * sqrt(share * (1 - share) / total + squared / (4 * total**2)) / (1 + squared / total)
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


def chi_square_p(observed: Sequence[int], shares: Sequence[float]) -> float:
    """Return Pearson's p-value: how often counts differ as much from these shares (which sum to 1) by chance alone."""
    total = sum(observed)
    expected = [share * total for share in shares]
    statistic = sum((count - due) ** 2 / due for count, due in zip(observed, expected, strict=True))
    return upper_gamma((len(observed) - 1) / 2, statistic / 2)


def upper_gamma(a: float, x: float) -> float:
    """Return the regularised incomplete gamma function Q(a, x) (DLMF 8.2.4), for a > 0 and x >= 0.

    By its series below a + 1 (DLMF 8.11.4), by Legendre's continued fraction above (DLMF 8.9.2, Lentz's method).
    """
    if x <= 0:
        return 1.0
    front = exp(a * log(x) - x - lgamma(a))
    return 1 - front * _series(a, x) if x < a + 1 else front * _fraction(a, x)


def _series(a: float, x: float) -> float:
    term = total = 1 / a
    for step in range(1, _STEPS):
        term *= x / (a + step)
        total += term
        if term < total * _EXACT:
            break
    return total


def _fraction(a: float, x: float) -> float:
    b = x + 1 - a
    c, d = 1 / _TINY, 1 / b
    found = d
    for step in range(1, _STEPS):
        numerator = -step * (step - a)
        b += 2
        d = 1 / (numerator * d + b or _TINY)
        c = b + numerator / c or _TINY
        change = d * c
        found *= change
        if abs(change - 1) < _EXACT:
            break
    return found
