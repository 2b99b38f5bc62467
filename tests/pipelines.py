"""A pipeline with everything real, for tests: definitions, handlers and settings by keyword."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from tests.definitions_documents import percentage_set
from worker import Handlers
from worker.experiments.decide import Engine
from worker.experiments.definitions import Snapshot
from worker.experiments.parse import parse
from worker.experiments.subjects import SubjectKeys
from worker.formats.decode import Limits
from worker.handlers.dispatch import Dispatcher
from worker.handlers.registry import merge
from worker.outputs import BatchResult, OutputKind
from worker.pipeline import Exposures, Pipeline
from worker.records import Record
from worker.stores.memory import MemoryStore

EVERY = Exposures()


def snapshot_of(*documents: dict[str, Any]) -> Snapshot:
    files = [(f"{index}.json", orjson.dumps(document)) for index, document in enumerate(documents)]
    loaded = parse(files)
    assert loaded.snapshot is not None, loaded.findings
    return loaded.snapshot


def pipeline(
    *,
    definitions: Sequence[dict[str, Any]] = (percentage_set(),),
    handlers: Handlers | None = None,
    exposures: Exposures = EVERY,
    store: MemoryStore | None = None,
) -> Pipeline:
    snapshot = snapshot_of(*definitions)
    return Pipeline(
        Engine(SubjectKeys(b"pepper"), ("request", "query", "device_id")),
        lambda: snapshot,
        store or MemoryStore(),
        Dispatcher(merge([handlers or Handlers()])),
        limits=Limits(),
        exposures=exposures,
    )


def values(result: BatchResult, kind: OutputKind) -> list[dict[str, Any]]:
    return [orjson.loads(output.value) for output in result.outputs[kind]]


def records(*events: dict[str, Any] | bytes, name: str = "log") -> list[Record]:
    raw = [event if isinstance(event, bytes) else orjson.dumps(event) for event in events]
    return [Record(value, f"{name}/{number}") for number, value in enumerate(raw, 1)]
