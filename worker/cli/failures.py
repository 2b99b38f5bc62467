"""Failures of handlers, the user's own line first."""

from __future__ import annotations

import linecache
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from worker.handlers.outcomes import Failure
from worker.handlers.places import Frame, below

SHOWN = 10


def show_failures(kinds: Sequence[tuple[Failure, int]], *, stderr: bool = False) -> None:
    """Print kinds of failures and how often each came; of many the first."""
    if not kinds:
        return
    console = Console(stderr=stderr)
    console.print("\n[bold]handlers that failed[/bold]")
    for failure, count in kinds[:SHOWN]:
        console.print("\n".join(_lines(failure, count)), markup=False, highlight=False, soft_wrap=True)
    if len(kinds) > SHOWN:
        console.print(f"and {len(kinds) - SHOWN:,} more kinds of failures: --log-level debug shows all")


def _lines(failure: Failure, count: int) -> Iterator[str]:
    deepest, *callers = reversed(failure.trace)
    yield from _call(deepest)
    yield f"    {count:,} {'time' if count == 1 else 'times'}: {failure.message}"
    for frame in callers:
        where, *code = _call(frame)
        yield f"    called from {where}"
        yield from (f"    {line}" for line in code)


def _call(frame: Frame) -> Iterator[str]:
    """Yield where a call stands, and its code if the file is there to be read."""
    yield f"{below(Path.cwd(), frame.file)}:{frame.line} in {frame.function}"
    code = linecache.getline(frame.file, frame.line).strip()
    if code:
        yield f"    > {code}"
