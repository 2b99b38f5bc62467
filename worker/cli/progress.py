"""Progress of long work, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from worker.streams.logs import Log


class ReplayProgress:
    """A bar over the bytes of the logs, with events per second and the time left.

    `wanted` None shows it if stderr is a terminal.
    """

    def __init__(self, logs: Sequence[Log], *, wanted: bool | None) -> None:
        sizes = [log.size for log in logs]
        total = None if None in sizes else sum(size or 0 for size in sizes)
        self._bar = Progress(
            TextColumn("replaying"),
            BarColumn(),
            TextColumn("{task.fields[events]:,} events"),
            TextColumn("{task.fields[rate]:,.0f}/s"),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
            disable=not (sys.stderr.isatty() if wanted is None else wanted),
            transient=True,
        )
        self._task = self._bar.add_task("replay", total=total, events=0, rate=0.0)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def read(self, size: int) -> None:
        """Move the bar to that many bytes."""
        self._bar.update(self._task, completed=size)

    def of(self, records: int, whole: int) -> None:
        """Move the bar to so many records of all."""
        self._bar.update(self._task, completed=records, total=whole)

    def processed(self, events: int) -> None:
        """Show that many events."""
        elapsed = self._bar.tasks[self._task].elapsed or 0.0
        self._bar.update(self._task, events=events, rate=events / elapsed if elapsed else 0.0)


class OffsetsProgress:
    """A bar over the offsets of a topic, with records per second and the time left; `wanted` as above."""

    def __init__(self, what: str, *, wanted: bool | None) -> None:
        self._bar = Progress(
            TextColumn(what),
            BarColumn(),
            TextColumn("{task.completed:,.0f} records"),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
            disable=not (sys.stderr.isatty() if wanted is None else wanted),
            transient=True,
        )
        self._task = self._bar.add_task(what, total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def read(self, records: int, whole: int) -> None:
        """Move the bar to so many records of all."""
        self._bar.update(self._task, completed=records, total=whole)
