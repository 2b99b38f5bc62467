"""What a replay finds out beside its outputs: facts for a report, and what other definitions would change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from worker.experiments.decide import Decision
from worker.outputs import BatchResult
from worker.pipeline import Part, Pipeline, Watch
from worker.records import Record
from worker.replay import StoppedError
from worker.report.collect import Collector, Decided
from worker.report.comparison import Comparison
from worker.trigger import Trigger


class Stopwatch:
    """Measures the parts of a job by what passed since the lap before."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = clock()
        self.seconds: dict[str, float] = {}
        self.handlers: dict[tuple[str, str], float] = {}

    def handler(self, name: str, trigger: str, seconds: float) -> None:
        """Count what one call of a handler took, as the dispatcher tells it; from threads too."""
        self.handlers[name, trigger] = self.handlers.get((name, trigger), 0.0) + seconds

    def lap(self, part: str) -> None:
        """Count the time since the last lap as that part's."""
        now = self._clock()
        self.seconds[part] = self.seconds.get(part, 0.0) + now - self._last
        self._last = now


class Watched:
    """A pipeline that tells what it decided; `lap` is told of each part of a batch's walk."""

    def __init__(self, make: Callable[[Watch], Pipeline], lap: Callable[[str], None] | None = None) -> None:
        self._lap = lap
        self._latest: list[Decided] = []
        self._pipeline = make(self)

    def passed(self, part: Part) -> None:
        """Note the time."""
        if self._lap is not None:
            self._lap(part)

    def decided(self, trigger: Trigger, decision: Decision, *, exposed: bool) -> None:
        """Keep it until the batch is over."""
        self._latest.append(Decided(trigger, decision, exposed))

    async def process(self, batch: Sequence[Record]) -> tuple[Sequence[Decided], BatchResult]:
        """Process a batch; return its decisions too."""
        self._latest = []
        result = await self._pipeline.process(batch)
        return self._latest, result


class WhatIf:
    """The same batches under other definitions; nothing of what comes out is kept but the comparison."""

    def __init__(self, name: str, pipeline: Watched, comparison: Comparison) -> None:
        self._name = name
        self._pipeline = pipeline
        self.comparison = comparison

    async def add(self, batch: Sequence[Record], before: tuple[Sequence[Decided], BatchResult]) -> None:
        """Process a batch and compare.

        Raises:
            StoppedError: a handler stops under the other definitions.
        """
        after = await self._pipeline.process(batch)
        if after[1].stop is not None:
            raise StoppedError(f"under {self._name}: {after[1].stop}")
        after[1].confirm()
        self.comparison.add(before, after)


class Study:
    """The configured pipeline, with those who look on: a report's collector, a comparison, or both."""

    def __init__(
        self, pipeline: Watched, collector: Collector | None, what_if: WhatIf | None, stopwatch: Stopwatch
    ) -> None:
        self._pipeline = pipeline
        self._collector = collector
        self._what_if = what_if
        self._stopwatch = stopwatch

    async def process(self, batch: Sequence[Record]) -> BatchResult:
        """Process a batch; return what the configured definitions make of it."""
        before = await self._pipeline.process(batch)
        self._stopwatch.lap("emit")
        if before[1].stop is not None:
            return before[1]
        if self._what_if is not None:
            await self._what_if.add(batch, before)
            self._stopwatch.lap("compare")
        if self._collector is not None:
            self._collector.add(*before)
            self._stopwatch.lap("report")
        return before[1]
