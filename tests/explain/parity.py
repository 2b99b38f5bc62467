"""The pipeline and the explanation of the same events, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from tests.pipelines import snapshot_of, values
from worker import Handlers
from worker.app.explain import Explainer, Reader
from worker.experiments.claims import Assignment, AssignmentStore
from worker.experiments.decide import Engine
from worker.experiments.explain import Explanation
from worker.experiments.subjects import Subject, SubjectKeys
from worker.formats.decode import Limits
from worker.formats.read import Read, read
from worker.handlers.dispatch import Dispatcher
from worker.handlers.registry import merge
from worker.outputs import BatchResult
from worker.pipeline import Exposures, Pipeline
from worker.records import Record, Rejected
from worker.simulate.options import TrafficOptions
from worker.simulate.traffic import generate
from worker.stores.memory import MemoryStore

ENGINE = Engine(SubjectKeys(b"pepper"), ("request", "query", "device_id"))


class MemoryReader:
    """Looks into a store in memory."""

    def __init__(self, store: MemoryStore, tenant: str | None = None) -> None:
        self._store = store
        self.tenant = tenant

    async def records(self, experiment_id: str, subjects: Sequence[Subject]) -> list[Assignment | None]:
        table = self._store._tables.get((self.tenant, experiment_id))
        return [None if table is None else table.get(subject.key) for subject in subjects]


def traffic(*, events: int, seed: int) -> list[tuple[Record, Read]]:
    """Events of people who come back, in all formats, overrides among them."""
    lines = generate(TrafficOptions(events=events, people=events // 8, seed=seed))
    return [found for number, line in enumerate(lines, 1) if (found := _read(Record(line, f"log/{number}")))]


def _read(record: Record) -> tuple[Record, Read] | None:
    try:
        found = read(record, Limits())
    except Rejected:
        return None
    return (record, found) if isinstance(found, Read) else None


class Side:
    """A pipeline on a store, and what explains its decisions."""

    def __init__(self, store: AssignmentStore, reader: Reader, *definitions: dict[str, Any]) -> None:
        snapshot = snapshot_of(*definitions)
        self._reader = reader
        self._explainer = Explainer(ENGINE, snapshot, reader)
        self._pipeline = Pipeline(
            ENGINE,
            lambda: snapshot,
            store,
            Dispatcher(merge([Handlers()])),
            limits=Limits(),
            exposures=Exposures(),
        )

    async def both(self, record: Record, found: Read) -> tuple[Explanation, BatchResult]:
        """Explain an event, then process it."""
        if isinstance(self._reader, MemoryReader):
            self._reader.tenant = found.trigger.tenant
        explanation = await self._explainer.explain(found.trigger)
        result = await self._pipeline.process([record])
        result.confirm()
        return explanation, result


def told(explanation: Explanation) -> dict[str, Any]:
    """Return the explanation's result in the pipeline's words."""
    result = explanation.result
    return {
        "reason": result.reason,
        "warnings": result.warnings,
        "variation_id": result.variation_id,
        "is_control": result.is_control,
        "config": result.config or None,
        "segment_id": result.segment_id,
        "is_first": result.is_first if result.variation_id else None,
        "method": result.assignment_method if result.variation_id else None,
    }


def made(result: BatchResult) -> dict[str, Any]:
    """Return what the pipeline made of the event."""
    [reason] = result.tallies.decisions
    [exposure] = values(result, "exposures") or [{}]
    [enriched] = result.outputs["enriched"]
    context = _context(orjson.loads(enriched.value)) or {}
    return {
        "reason": reason,
        "warnings": list(result.tallies.warnings),
        "variation_id": context.get("variation_id"),
        "is_control": context.get("is_control"),
        "config": context.get("config"),
        "segment_id": exposure.get("segment_id"),
        "is_first": exposure.get("is_first"),
        "method": exposure.get("assignment_method"),
    }


def _context(document: dict[str, Any]) -> dict[str, Any] | None:
    """Return the experiment wherever the dialect has it."""
    for value in document.values():
        if isinstance(value, dict):
            if "experiment" in value:
                found: dict[str, Any] | None = value["experiment"]
                return found
            if (deeper := _context(value)) is not None:
                return deeper
    return None
