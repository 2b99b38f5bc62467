"""Progress of long work, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from worker.streams.logs import Log


class _Bar:
    """A bar on stderr; `wanted` None shows it if that is a terminal."""

    def __init__(self, what: str, columns: Sequence[ProgressColumn], *, wanted: bool | None) -> None:
        self._bar = Progress(
            TextColumn(what),
            BarColumn(),
            *columns,
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
            disable=not (sys.stderr.isatty() if wanted is None else wanted),
            transient=True,
        )
        self._task = self._bar.add_task(what, total=None, events=0, rate=0.0)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def of(self, records: int, whole: int) -> None:
        """Move the bar to so many records of all."""
        self._bar.update(self._task, completed=records, total=whole)


class BytesProgress(_Bar):
    """A bar over the bytes of logs, with the time left."""

    def __init__(
        self, what: str, logs: Sequence[Log], columns: Sequence[ProgressColumn] = (), *, wanted: bool | None
    ) -> None:
        super().__init__(what, columns, wanted=wanted)
        sizes = [log.size for log in logs]
        self._bar.update(self._task, total=None if None in sizes else sum(size or 0 for size in sizes))

    def read(self, size: int) -> None:
        """Move the bar to that many bytes."""
        self._bar.update(self._task, completed=size)


class ReplayProgress(BytesProgress):
    """A bar over the bytes of the logs, or the records of a topic, with events per second and the time left."""

    def __init__(self, logs: Sequence[Log], *, wanted: bool | None) -> None:
        events = TextColumn("{task.fields[events]:,} events"), TextColumn("{task.fields[rate]:,.0f}/s")
        super().__init__("replaying", logs, events, wanted=wanted)

    def processed(self, events: int) -> None:
        """Show that many events."""
        elapsed = self._bar.tasks[self._task].elapsed or 0.0
        self._bar.update(self._task, events=events, rate=events / elapsed if elapsed else 0.0)


class OffsetsProgress(_Bar):
    """A bar over the offsets of a topic, with the time left."""

    def __init__(self, what: str, *, wanted: bool | None) -> None:
        super().__init__(what, (TextColumn("{task.completed:,.0f} records"),), wanted=wanted)
