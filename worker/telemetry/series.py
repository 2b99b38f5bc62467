"""The values behind the metrics, as plain dictionaries that a scrape reads.

The client library's own counters cost a lock and a label look-up per increment and carry a `_created` line each; a
worker adds whole batches, so it keeps its figures itself and lets the library only write them out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from threading import Lock

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString


class Series:
    """Figures by the values of their labels: counters, which only go up, or gauges.

    `known` are label values that show as 0 before they are first seen.
    """

    def __init__(
        self,
        family: type[CounterMetricFamily | GaugeMetricFamily],
        name: str,
        meaning: str,
        labels: Sequence[str] = (),
        known: Iterable[str] = (),
    ) -> None:
        self._family = family
        self._name = name
        self._meaning = meaning
        self._labels = tuple(labels)
        self._values: dict[tuple[str, ...], float] = {(value,): 0.0 for value in known}

    def add(self, *labels: str, by: float = 1.0) -> None:
        """Add to one figure."""
        self._values[labels] = self._values.get(labels, 0.0) + by

    def set(self, *labels: str, to: float) -> None:
        """Set one figure."""
        self._values[labels] = to

    def drop(self, *labels: str) -> None:
        """Show a figure no longer."""
        self._values.pop(labels, None)

    def clear(self) -> None:
        """Show none of the figures any longer."""
        self._values.clear()

    def collect(self) -> Metric:
        """Return the figures as the library writes them out."""
        family = self._family(self._name, self._meaning, labels=self._labels)
        for labels, value in self._values.items():
            family.add_metric(labels, value)
        return family


class Buckets:
    """How often values fell below each of some bounds, by the values of their labels; a value on a bound is below it.

    May be observed from any thread: handlers that block are timed on their own.
    """

    def __init__(self, name: str, meaning: str, bounds: Sequence[float], labels: Sequence[str] = ()) -> None:
        self._name = name
        self._meaning = meaning
        self._bounds = tuple(bounds)
        self._labels = tuple(labels)
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}
        self._lock = Lock()
        if not labels:
            self._open(())

    def observe(self, value: float, *labels: str) -> None:
        """Count one value."""
        with self._lock:
            counts = self._counts.get(labels) or self._open(labels)
            counts[bisect_left(self._bounds, value)] += 1
            self._sums[labels] += value

    def observe_ages(self, moments: Sequence[int], now: int, per_unit: int) -> None:
        """Count `(now - moment) / per_unit` of each moment; what lies ahead of `now` has no age yet: 0.

        Sorting and looking up each bound once costs a tenth of counting each moment.
        """
        ordered = sorted(moments)
        del ordered[bisect_right(ordered, now) :]
        ahead = len(moments) - len(ordered)
        within = [len(ordered) - bisect_left(ordered, now - bound * per_unit) + ahead for bound in self._bounds]
        with self._lock:
            counts = self._counts[()]
            for position, (below, up_to) in enumerate(zip([0, *within], [*within, len(moments)], strict=True)):
                counts[position] += up_to - below
            self._sums[()] += (now * len(ordered) - sum(ordered)) / per_unit

    def collect(self) -> Metric:
        """Return the counts as the library writes them out."""
        family = HistogramMetricFamily(self._name, self._meaning, labels=self._labels)
        names = [*map(floatToGoString, self._bounds), "+Inf"]
        with self._lock:
            for labels, counts in self._counts.items():
                family.add_metric(
                    labels, list(zip(names, map(float, accumulate(counts)), strict=True)), self._sums[labels]
                )
        return family

    def _open(self, labels: tuple[str, ...]) -> list[int]:
        self._sums[labels] = 0.0
        self._counts[labels] = [0] * (len(self._bounds) + 1)
        return self._counts[labels]
