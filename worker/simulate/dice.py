"""Chance that falls the same on every machine and in every Python.

Of `random.Random` only `random()` promises the same sequence for ever, so everything is made from it, with arithmetic
that IEEE 754 rounds in one way only: no logarithms or powers, whose last digit depends on the C library. Curves are
tables of quantiles instead.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Generic, TypeVar

T = TypeVar("T")


class Weighted(Generic[T]):
    """Values with a whole-number weight each; a roll in [0, 1) picks one."""

    def __init__(self, *shares: tuple[T, int]) -> None:
        self._values = tuple(value for value, _ in shares)
        self._bounds = list(accumulate(weight for _, weight in shares))
        self._total = self._bounds[-1]

    def at(self, roll: float) -> T:
        """Return the value on which the roll falls."""
        return self._values[bisect_right(self._bounds, int(roll * self._total))]


class Quantiles:
    """A distribution given by (share of the cases, value up to there) points, straight lines between them."""

    def __init__(self, *points: tuple[float, float]) -> None:
        self._shares = [share for share, _ in points]
        self._values = [value for _, value in points]
        self.mean = sum((s2 - s1) * (v1 + v2) / 2 for (s1, v1), (s2, v2) in pairwise(points))

    def at(self, roll: float) -> float:
        """Return the value below which that share of the cases lies."""
        upper = bisect_right(self._shares, roll)
        s1, s2 = self._shares[upper - 1], self._shares[upper]
        v1, v2 = self._values[upper - 1], self._values[upper]
        return v1 + (v2 - v1) * (roll - s1) / (s2 - s1)


class Dice:
    """A seeded source of choices; `stream` separates sources of one seed, so that they don't shift one another."""

    def __init__(self, seed: int, stream: int) -> None:
        self.roll = random.Random(seed << 8 | stream).random  # noqa: S311 - repeatable on purpose

    def chance(self, share: float) -> bool:
        """Tell, for that share of the calls, true."""
        return self.roll() < share

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to below `high`."""
        return low + int(self.roll() * (high - low))

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, each equally likely."""
        return options[int(self.roll() * len(options))]

    def draw(self, options: Weighted[T]) -> T:
        """Return one of the options by its weight."""
        return options.at(self.roll())

    def hex(self, digits: int) -> str:
        """Return that many hexadecimal digits."""
        text = ""
        while len(text) < digits:
            text += f"{int(self.roll() * (1 << 48)):012x}"
        return text[:digits]

    def digits(self, count: int) -> str:
        """Return that many decimal digits, the first of them not 0."""
        text = str(self.between(1, 10))
        while len(text) < count:
            text += f"{int(self.roll() * 10**12):012d}"
        return text[:count]
