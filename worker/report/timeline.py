"""Counts over time in few buckets, however long the time is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from datetime import UTC, datetime
from typing import Generic, TypeVar

_Name = TypeVar("_Name", bound=Hashable)
_WIDTHS = {13: "hour", 10: "day", 7: "month", 4: "year"}  # of `2026-01-31T10`, what is left of a moment


class Timeline(Generic[_Name]):
    """Counts by name and bucket of UTC time; buckets get wider when there are more than `most`."""

    def __init__(self, most: int = 200) -> None:
        self._most = most
        self._width = max(_WIDTHS)
        self._counts: dict[str, Counter[_Name]] = {}

    @property
    def unit(self) -> str:
        """How wide a bucket is: hour, day, month or year."""
        return _WIDTHS[self._width]

    @property
    def counts(self) -> dict[str, Counter[_Name]]:
        """Return the counts by bucket, in the order of time; a bucket is the beginning of an ISO 8601 time."""
        return dict(sorted(self._counts.items()))

    def add(self, moment: datetime, name: _Name) -> None:
        """Count one."""
        bucket = moment.astimezone(UTC).isoformat()[: self._width]
        self._counts.setdefault(bucket, Counter())[name] += 1
        while len(self._counts) > self._most and self._width > min(_WIDTHS):
            self._widen()

    def _widen(self) -> None:
        self._width = max(width for width in _WIDTHS if width < self._width)
        wider: dict[str, Counter[_Name]] = {}
        for bucket, counts in self._counts.items():
            wider.setdefault(bucket[: self._width], Counter()).update(counts)
        self._counts = wider
