"""Batches through a real pipeline, with what was decided on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from tests.definitions_documents import percentage_set
from tests.pipelines import snapshot_of
from worker import Handlers
from worker.app.study import Watched
from worker.experiments.decide import Engine
from worker.experiments.definitions import Snapshot
from worker.experiments.subjects import SubjectKeys
from worker.formats.decode import Limits
from worker.handlers.dispatch import Dispatcher
from worker.handlers.registry import merge
from worker.outputs import BatchResult
from worker.pipeline import Exposures, Pipeline
from worker.records import Record
from worker.report.collect import Collector, Decided, Facts
from worker.stores.memory import MemoryStore

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 "
    "Mobile/15E148 Safari/604.1"
)
HALVES = (
    {"variation_id": "var_control", "weight": 50, "is_control": True},
    {"variation_id": "var_treatment", "weight": 50, "is_control": False},
)


def halves(**experiment: Any) -> dict[str, Any]:
    return percentage_set(allocations=HALVES, **experiment)


def login(number: int, **members: Any) -> dict[str, Any]:
    """A login of a user of that number at a day of January; keywords are members of the event object."""
    event = {"user": {"user_id": f"auth0|{number}"}, **members}
    time = f"2026-01-{number % 28 + 1:02d}T10:00:00Z"
    return {"id": f"evt_{number}", "trigger": "post_login", "time": time, "event": event}


def watched(snapshot: Snapshot, handlers: Handlers | None = None, lap: Callable[[str], None] | None = None) -> Watched:
    dispatcher, store = Dispatcher(merge([handlers or Handlers()])), MemoryStore()
    return Watched(
        lambda watch: Pipeline(
            Engine(SubjectKeys(b"pepper"), ("request", "query", "device_id")),
            lambda: snapshot,
            store,
            dispatcher,
            limits=Limits(),
            exposures=Exposures(),
            watch=watch,
        ),
        lap,
    )


def batch(*events: dict[str, Any] | bytes) -> list[Record]:
    raw = [event if isinstance(event, bytes) else orjson.dumps(event) for event in events]
    return [Record(value, f"log.ndjson/{number}") for number, value in enumerate(raw, 1)]


async def decide(
    snapshot: Snapshot, events: Sequence[dict[str, Any] | bytes], handlers: Handlers | None = None
) -> tuple[Sequence[Decided], BatchResult]:
    return await watched(snapshot, handlers).process(batch(*events))


async def facts(document: dict[str, Any], *events: dict[str, Any] | bytes, handlers: Handlers | None = None) -> Facts:
    """What a report would know of those events, all in one batch."""
    snapshot = snapshot_of(document)
    collector = Collector(snapshot)
    collector.add(*await decide(snapshot, events, handlers))
    return collector.facts()
