"""Counts over time, in as many steps as a chart can show, however long the time turns out to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

import msgspec

K = TypeVar("K", bound=Hashable)

_DAY = 86_400
_STEPS = (1, 5, 15, 60, 300, 900, 3600, 3 * 3600, 6 * 3600, _DAY, 7 * _DAY, 28 * _DAY)  # each divides the next
_MONDAY = 4 * _DAY  # 1970-01-05: weeks begin on Mondays
_KEPT = 1024
SHOWN = 96


class Series(msgspec.Struct, frozen=True):
    """Counts per step of `step` seconds from `start` (seconds since the epoch, UTC), a row for each key."""

    start: int
    step: int
    counts: Sequence[Sequence[int]]


class Timeline(Generic[K]):
    """Counts by key and time. Memory is bounded by the keys: steps grow with the time between first and last."""

    def __init__(self) -> None:
        self._counts: dict[K, Counter[int]] = {}
        self._rung = 0
        self._low = self._high = 0

    def add(self, key: K, moment: float) -> None:
        """Count one at that moment (seconds since the epoch)."""
        seconds = int(moment // 1) - _MONDAY
        if not self._counts:
            self._low = self._high = seconds
        elif not self._low <= seconds <= self._high:
            self._low, self._high = min(self._low, seconds), max(self._high, seconds)
            self._coarsen(_KEPT)
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = Counter()
        counts[seconds // _step(self._rung)] += 1

    def series(self, keys: Sequence[K]) -> Series | None:
        """Return the counts of those keys in their order, from the first moment to the last; None without any."""
        if not self._counts:
            return None
        self._coarsen(SHOWN)
        step = _step(self._rung)
        steps = range(self._low // step, self._high // step + 1)
        empty: Counter[int] = Counter()
        return Series(
            steps.start * step + _MONDAY,
            step,
            [[self._counts.get(key, empty)[index] for index in steps] for key in keys],
        )

    def _coarsen(self, most: int) -> None:
        """Take longer steps until there are at most so many."""
        before = _step(self._rung)
        while self._high // _step(self._rung) - self._low // _step(self._rung) >= most:
            self._rung += 1
        factor = _step(self._rung) // before
        if factor > 1:
            for key, counts in self._counts.items():
                merged: Counter[int] = Counter()
                for index, count in counts.items():
                    merged[index // factor] += count
                self._counts[key] = merged


def _step(rung: int) -> int:
    """Return a step's seconds; past the table they double."""
    beyond = rung - len(_STEPS) + 1
    return _STEPS[rung] if beyond <= 0 else _STEPS[-1] << beyond
