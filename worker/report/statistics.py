"""The statistics of a split: how sure an observed share is, and whether the shares are the ones that were meant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import msgspec

Verdict = Literal[
    "as_meant",  # nothing speaks against the weights
    "mismatch",  # so far off that chance is no explanation
    "too_few",  # not enough assignments to tell
    "no_ratio",  # one variation gets all
]
SURE_ENOUGH = 0.001  # a check that runs on every report must rarely cry wolf

_TWO_SIDED_95 = 1.959963984540054  # the normal distribution's 97.5th percentile
_LEAST_EXPECTED = 5  # of every cell, for the chi-square approximation (Cochran 1954)
_PRECISION = 1e-15
_TINY = 1e-300


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson 1927), as Newcombe 1998 has it in method 3.

    With nothing observed it is all from 0 to 1.
    """
    if total == 0:
        return 0.0, 1.0
    share, z2 = hits / total, _TWO_SIDED_95**2
    middle = share + z2 / (2 * total)
    reach = _TWO_SIDED_95 * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    scale = 1 + z2 / total
    low = 0.0 if hits == 0 else (middle - reach) / scale
    high = 1.0 if hits == total else (middle + reach) / scale
    return low, high


def chi_square_p(statistic: float, freedom: int) -> float:
    """Return how likely chance gives at least this chi-square: the regularised upper incomplete gamma Q(f/2, x/2)."""
    return _upper_gamma(freedom / 2, statistic / 2)


def _upper_gamma(a: float, x: float) -> float:
    """Return Q(a, x); the series and the fraction are those of Abramowitz and Stegun 6.5.29 and 6.5.31."""
    if x <= 0:
        return 1.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    return 1 - scale * _series(a, x) if x < a + 1 else scale * _fraction(a, x)


def _series(a: float, x: float) -> float:
    term = total = 1 / a
    n = a
    while term > total * _PRECISION:
        n += 1
        term *= x / n
        total += term
    return total


def _fraction(a: float, x: float) -> float:
    """Return the continued fraction by Lentz's method, which needs no guess of its length."""
    b = x + 1 - a
    c, d = 1 / _TINY, 1 / b
    value, step, i = d, 0.0, 0
    while abs(step - 1) > _PRECISION:
        i += 1
        factor = i * (a - i)
        b += 2
        d = 1 / ((factor * d + b) or _TINY)
        c = (b + factor / c) or _TINY
        step = c * d
        value *= step
    return value


class SampleRatio(msgspec.Struct, frozen=True):
    """The check of a split: of `total` assignments, with at least `needed` to be able to tell.

    `statistic`, `freedom` and `p` are the chi-square test's, None where it says nothing.
    """

    verdict: Verdict
    total: int
    needed: int
    statistic: float | None = None
    freedom: int | None = None
    p: float | None = None


def check_sample_ratio(observed: Sequence[int], shares: Sequence[float]) -> SampleRatio:
    """Compare counts of independent draws with the shares (0 to 1, together 1) that were meant."""
    total = sum(observed)
    if any(count and not share for count, share in zip(observed, shares, strict=True)):
        return SampleRatio("mismatch", total, 0, p=0.0)
    cells = [(count, share * total) for count, share in zip(observed, shares, strict=True) if share]
    if len(cells) < 2:  # noqa: PLR2004 - a ratio is of two
        return SampleRatio("no_ratio", total, 0)
    needed = math.ceil(_LEAST_EXPECTED / min(share for share in shares if share))
    if total < needed:
        return SampleRatio("too_few", total, needed)
    statistic = sum((count - expected) ** 2 / expected for count, expected in cells)
    p = chi_square_p(statistic, len(cells) - 1)
    return SampleRatio("mismatch" if p < SURE_ENOUGH else "as_meant", total, needed, statistic, len(cells) - 1, p)
