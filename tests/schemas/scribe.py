"""Runs batches through a pipeline and notes, by the name of its contract, every record that was read and written."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from worker.outputs import OUTPUT_KINDS, BatchResult
from worker.pipeline import Pipeline
from worker.records import Record
from worker.streams.kafka.outgoing import Destination, Entry, Outlets, Packer
from worker.streams.output_folder import OutputFolder

PARTITIONS = 8
NOW = "2026-02-01T00:00:00.000Z"
DEAD_LETTERS = "dead_letters"
CONTRACT_OF = {
    "exposures": "exposure", "enrollments": "enrollment", "commands": "commands", "assignments": "assignment",
}  # fmt: skip


class Noted(NamedTuple):
    """A record's value as a document (of a dead letter that is no JSON its bytes), and its headers as text."""

    payload: Any
    headers: dict[str, str] | None = None


class Scribe:
    """`noted` has every record; `max_bytes` is what the topics take."""

    def __init__(self, max_bytes: int = 1 << 21) -> None:
        self.noted: dict[str, list[Noted]] = defaultdict(list)
        outputs = {kind: Destination(kind, PARTITIONS, max_bytes) for kind in OUTPUT_KINDS}
        outlets = Outlets(outputs, Destination(DEAD_LETTERS, PARTITIONS, max_bytes), PARTITIONS, "input")
        self._packer = Packer(outlets, 0, lambda: NOW)

    def documents(self) -> dict[str, list[Any]]:
        """The records of each contract, headers among them."""
        return {name: [entry.payload for entry in entries] for name, entries in self.noted.items()}

    async def process(self, pipeline: Pipeline, records: Sequence[Record]) -> BatchResult:
        result = await pipeline.process(records)
        names = {}
        for output in result.outputs["enriched"]:
            read = contract_of(output.record)
            self.noted[read].append(Noted(orjson.loads(output.record.value), headers_of(output.record.headers)))
            if output.record.headers and read.endswith("-data"):
                self.noted["binary-cloud-event-headers"].append(Noted(headers_of(output.record.headers)))
            names[output.id] = f"enriched-{read}"
        for line in lines_of(result):
            self.noted["dead-letter"].append(Noted(line))
        for (topic, _), entries in self._packer.pack(result).items():
            for entry in entries:
                self._note_entry(topic, entry, names)
        return result

    def _note_entry(self, topic: str, entry: Entry, names: dict[str, str]) -> None:
        _, value, raw = entry
        headers = headers_of(raw)
        if topic == DEAD_LETTERS:
            self.noted["dead-letter-headers"].append(Noted(headers))
            oversize = value is not None and value.startswith(b'{"size":')
            payload = orjson.loads(value or b"") if oversize else value
            self.noted["oversize-input" if oversize else "dead-letter-value"].append(Noted(payload, headers))
            return
        assert value is not None
        name = names[headers["ce_id"]] if topic == "enriched" else CONTRACT_OF[topic]
        self.noted["output-headers"].append(Noted(headers))
        self.noted[name].append(Noted(orjson.loads(value), headers))


def headers_of(raw: Sequence[tuple[str, bytes]]) -> dict[str, str]:
    return {name: value.decode() for name, value in raw if value is not None}


def lines_of(result: BatchResult) -> list[dict[str, Any]]:
    """The dead letters as the lines of a replay's file."""
    with tempfile.TemporaryDirectory() as folder, OutputFolder(Path(folder), lambda: NOW) as files:
        files.write(result)
        files.publish(b"{}")
        return [orjson.loads(line) for line in (Path(folder) / "dead_letters.ndjson").read_bytes().splitlines()]


def contract_of(record: Record) -> str:
    """The contract of an input that was read."""
    headers, document = dict(record.headers), orjson.loads(record.value)
    if "ce_specversion" in headers:
        return "user-created-data" if headers["ce_type"] == b"user.created" else "event-data"
    if "specversion" in document:
        return "user-created" if document["type"] == "user.created" else "trigger-cloud-event"
    if "trigger" in document:
        return "trigger-event"
    return "tenant-log-event" if "type" in document else "wrapped-tenant-log-event"
