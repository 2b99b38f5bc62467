"""Replay: records from logs through the pipeline into a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from worker.outputs import BatchResult
from worker.records import Record
from worker.summary import Summary

BATCH_RECORDS = 200  # more fall out of the cache of the processor, fewer pay more for each batch


class StoppedError(Exception):
    """A handler registered with `on_error="stop"` failed; nothing of its batch was emitted."""


class Processor(Protocol):
    """A pipeline, or something around one."""

    async def process(self, batch: Sequence[Record]) -> BatchResult:
        """Process a batch."""
        ...


def _unmeasured(_part: str) -> None:
    """Take no time."""


async def replay(
    records: Iterable[Record],
    pipeline: Processor,
    summary: Summary,
    write: Callable[[BatchResult], None],
    progress: Callable[[int], None],
    *,
    lap: Callable[[str], None] = _unmeasured,
) -> None:
    """Process all records in order; `progress` is told the number of records so far after each batch.

    `lap` is told when a batch was read, and when it was written.

    Raises:
        StoppedError: with the handler's message.
    """
    for batch in _batches(records):
        lap("read")
        result = await pipeline.process(batch)
        if result.stop is not None:
            raise StoppedError(result.stop)
        write(result)
        result.confirm()
        summary.add(result)
        lap("write")
        progress(summary.events)


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    iterator = iter(records)
    while batch := list(islice(iterator, BATCH_RECORDS)):
        yield batch
