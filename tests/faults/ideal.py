"""A run in which nothing goes wrong: the real pipeline and packer over the traffic, in memory, without a broker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from tests.faults import handlers
from tests.faults.checker import Run, subjects
from tests.faults.experiment import PEPPER, write_definitions
from tests.faults.seen import KINDS, Kind, Seen, parse
from tests.faults.traffic import MAX_BYTES, PARTITIONS, Input, sources, traffic
from worker.app.loading import load_definitions
from worker.experiments.decide import Engine
from worker.experiments.subjects import SubjectKeys
from worker.formats.decode import Limits
from worker.handlers.dispatch import Dispatcher
from worker.handlers.registry import merge
from worker.outputs import OUTPUT_KINDS
from worker.pipeline import Exposures, Pipeline
from worker.records import Record
from worker.stores.memory import MemoryStore
from worker.streams.kafka.outgoing import Destination, Outlets, Packer, Parcel

_BATCH = 40
_TIME = "2026-03-01T00:00:00Z"


async def ideal_run(folder: Path, *, events: int = 400, seed: int = 1) -> Run:
    """Return what a faultless run of that traffic leaves behind."""
    inputs = dict(sources(traffic(events, seed).inputs, "in"))
    pipeline = _pipeline(folder)
    logs: dict[tuple[str, int], list[Seen]] = defaultdict(list)
    for batch in _batches(inputs):
        result = await pipeline.process([_record(source, given) for source, given in batch])
        result.confirm()
        _append(logs, _packer(batch[0][1].partition).pack(result))
    seen = [each for log in logs.values() for each in log]
    stored = _stored(inputs, seen)
    return Run(inputs, seen, tuple(seen), stored, dict.fromkeys(range(PARTITIONS), 0), open=(), leaks=())


def _stored(inputs: dict[str, Input], seen: Sequence[Seen]) -> dict[str, str]:
    """Return the variations by subject, as the exposures tell them."""
    found: dict[str, str] = {}
    for each in seen:
        event = inputs[each.source].event
        if each.kind == "exposures" and event is not None and each.variation is not None:
            found |= dict.fromkeys(subjects(event), each.variation)
    return found


def _pipeline(folder: Path) -> Pipeline:
    snapshot = load_definitions([write_definitions(folder)]).snapshot
    assert snapshot is not None
    return Pipeline(
        Engine(SubjectKeys(PEPPER.encode()), ("request", "query", "device_id")),
        lambda: snapshot,
        MemoryStore(),
        Dispatcher(merge([handlers.handlers])),
        limits=Limits(max_bytes=MAX_BYTES),
        exposures=Exposures(),
    )


def _batches(inputs: dict[str, Input]) -> list[list[tuple[str, Input]]]:
    """Cut every partition into batches and take them in turn, as lanes do."""
    lanes = [[item for item in inputs.items() if item[1].partition == lane] for lane in range(PARTITIONS)]
    longest = max(map(len, lanes))
    return [lane[at : at + _BATCH] for at in range(0, longest, _BATCH) for lane in lanes if lane[at : at + _BATCH]]


def _record(source: str, given: Input) -> Record:
    return Record(given.value or b"", source, given.key, (), 0)


def _packer(partition: int) -> Packer:
    outputs = {kind: Destination(kind, PARTITIONS, 1 << 20) for kind in OUTPUT_KINDS}
    outlets = Outlets(outputs, Destination("dead_letters", PARTITIONS, 1 << 20), PARTITIONS, "input")
    return Packer(outlets, partition, lambda: _TIME)


def _append(logs: dict[tuple[str, int], list[Seen]], parcel: Parcel) -> None:
    kinds: dict[str, Kind] = {kind: kind for kind in KINDS}
    for (topic, partition), entries in parcel.items():
        log = logs[topic, partition]
        for key, value, headers in entries:
            log.append(parse(kinds[topic], (partition, len(log)), key, value, headers))
