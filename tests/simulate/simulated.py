"""Small simulated logs, for tests: made once each, and read as the worker reads them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Any

import orjson

from worker.formats.decode import Limits
from worker.formats.read import Read, read
from worker.records import Record, Skipped
from worker.simulate.lines import Line
from worker.simulate.options import TrafficOptions
from worker.simulate.traffic import generate_lines
from worker.trigger import Trigger


@cache
def log(*, events: int = 4000, people: int = 400, seed: int = 7, malformed: float = 0.0) -> tuple[Line, ...]:
    options = TrafficOptions(events=events, people=people, seed=seed, malformed=malformed)
    return tuple(generate_lines(options))


def readings(lines: Iterable[Line]) -> list[tuple[Line, Read | Skipped]]:
    return [(line, read(Record(line.value, "log/1"), Limits())) for line in lines]


@cache
def triggers() -> tuple[tuple[Line, Trigger], ...]:
    """The triggers of the usual log, without redelivered ones."""
    found: dict[bytes, tuple[Line, Trigger]] = {}
    for line, seen in readings(log()):
        if isinstance(seen, Read):
            found.setdefault(line.value, (line, seen.trigger))
    return tuple(found.values())


def lives() -> dict[int, list[Trigger]]:
    """The triggers of each person, by event time."""
    people = defaultdict(list)
    for line, trigger in triggers():
        people[line.person].append(trigger)
    return {number: sorted(told, key=lambda trigger: str(trigger.time)) for number, told in people.items()}


def document(line: Line) -> dict[str, Any]:
    parsed: dict[str, Any] = orjson.loads(line.value)
    return parsed
