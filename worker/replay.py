"""Replay: records from logs through the pipeline into a folder."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
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
    batches: AsyncIterable[Sequence[Record]],
    pipeline: Processor,
    summary: Summary,
    write: Callable[[BatchResult], Awaitable[None]],
    progress: Callable[[int], None],
    *,
    lap: Callable[[str], None] = _unmeasured,
) -> None:
    """Process all batches in order; `progress` is told the number of records so far after each batch.

    `lap` is told when a batch was read, and when it was written.

    Raises:
        StoppedError: with the handler's message.
    """
    async for batch in batches:
        lap("read")
        result = await pipeline.process(batch)
        if result.stop is not None:
            raise StoppedError(result.stop)
        await write(result)
        result.confirm()
        summary.add(result)
        lap("write")
        progress(summary.events)


async def in_batches(records: Iterable[Record]) -> AsyncIterator[Sequence[Record]]:
    """Yield the records, some hundred at a time."""
    iterator = iter(records)
    while batch := list(islice(iterator, BATCH_RECORDS)):
        yield batch
