"""A simulated log, sent to where it is taken record by record, at a steady rate or as fast as that goes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Protocol

import msgspec

from worker.simulate.lines import Line, Tally
from worker.simulate.options import TrafficOptions
from worker.simulate.traffic import generate_lines
from worker.streams.kafka.feed import Keyed

_CHUNK = 1000
_CHUNKS_PER_SECOND = 10  # at a steady rate
_KEY_DIGITS = 16


class Feed(Protocol):
    """Takes records; what it has taken is not lost."""

    async def send(self, records: Sequence[Keyed], /) -> None:
        """Return when all of them are taken."""
        ...


class Pace(msgspec.Struct, frozen=True):
    """So many lines per second; 0: no pause between them."""

    rate: float

    @property
    def chunk(self) -> int:
        """How many lines go together."""
        return min(_CHUNK, max(1, int(self.rate / _CHUNKS_PER_SECOND))) if self.rate else _CHUNK

    def due(self, sent: int) -> float:
        """Return when the next line is due after so many, in seconds since the first one."""
        return sent / self.rate if self.rate else 0.0


async def send_log(
    options: TrafficOptions, feed: Feed, pace: Pace, *, stop: asyncio.Event, tally: Tally, sent: Callable[[int], None]
) -> None:
    """Send a log until it ends or `stop` is set; what was taken is in `tally`, and `sent` is told how many lines."""
    lines = generate_lines(options)
    clock = asyncio.get_running_loop().time
    began = clock()
    while not stop.is_set() and (chunk := list(islice(lines, pace.chunk))):
        await feed.send([keyed(line) for line in chunk])
        tally.add(chunk)
        sent(tally.lines)
        await _wait(began + pace.due(tally.lines) - clock(), stop)


def keyed(line: Line) -> Keyed:
    """Return a line as a producer would send it.

    The key is of whom it tells: the user id, before there is one the e-mail address (phone number, username), as the
    beginning of its SHA-256, so that keys hold no addresses. A spoiled line keeps its key; an empty one is a tombstone.
    """
    key = hashlib.sha256(line.about.encode()).hexdigest()[:_KEY_DIGITS]
    return Keyed(key.encode(), line.value or None)


async def _wait(seconds: float, stop: asyncio.Event) -> None:
    if seconds > 0:
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
    else:
        await asyncio.sleep(0)
