"""What a batch sends: the outputs and dead letters of a `BatchResult` as Kafka records, in batches by partition.

Everything is ready before a transaction begins: what cannot fit its topic is a dead letter by then, and no record can
make a transaction fail that another attempt would not mend.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from struct import unpack_from
from typing import Literal

import msgspec
import orjson

from worker.outputs import BatchResult, DeadLetter, Output, OutputKind
from worker.records import Oversize, Record
from worker.trigger import Trigger

Headers = list[tuple[str, bytes]]

_RECORD_OVERHEAD = 96  # a batch's header (61 bytes) and a record's lengths, timestamps and counts, rounded up
_HEADER_OVERHEAD = 10
_MIX, _32_BITS = 0x5BD1E995, 0xFFFFFFFF  # murmur2's multiplier, and what keeps a number in its range
_OWN_HEADERS_BYTES = 2048  # at most, beside the event's time
_PASSED_ON = frozenset({"traceparent", "tracestate"})
_FIXED: dict[str, Headers] = {
    kind: [
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_source", b"experiment-worker"),
        ("ce_type", f"experiment-worker.{kind}".encode()),
    ]
    for kind in ("enriched", "exposures", "enrollments", "commands", "assignments")
}
_BY_EVENT: tuple[OutputKind, ...] = ("enriched", "commands", "enrollments")  # what a dead letter stands in for


class Destination(msgspec.Struct, frozen=True):
    """A topic that is written: how many partitions it has and the largest record batch it takes, in bytes."""

    topic: str
    partitions: int
    max_bytes: int


class Outlets(msgspec.Struct, frozen=True):
    """Where outputs go; a kind without a destination is not written.

    `partitioning` `input`: to the input's partition where the topic has as many as the input's; else by key hash.
    """

    outputs: Mapping[OutputKind, Destination]
    dead_letters: Destination
    input_partitions: int
    partitioning: Literal["input", "key"]


Entry = tuple[bytes | None, bytes | None, Headers]
"""One record to send: key, value and headers."""

Parcel = dict[tuple[str, int], list[Entry]]
"""The records of a batch by topic and partition, in the order of the inputs."""


class Packer:
    """Packs what the batches of one input partition came to; `now` gives the time of dead letters (RFC 3339)."""

    def __init__(self, outlets: Outlets, partition: int, now: Callable[[], str]) -> None:
        self._outlets = outlets
        self._partition = partition
        self._now = now

    def pack(self, result: BatchResult) -> Parcel:
        """Return the batch's records; an event with an output that does not fit becomes a dead letter (added to it)."""
        kinds = {kind: destination for kind, destination in self._outlets.outputs.items() if result.outputs[kind]}
        entries = {kind: _entries(kind, result.outputs[kind]) for kind in kinds}
        misfits = self._misfits(result, entries)
        parcel: Parcel = {}
        for kind, destination in kinds.items():
            listed = entries[kind]
            kept = self._kept(result.outputs[kind], listed, destination, misfits) if misfits else listed
            self._place(parcel, destination, kept, by_key=kind == "assignments")
        dead = {letter.record.source for letter in result.dead_letters}  # a failed handler's letter says enough
        result.dead_letters.extend(letter for source, letter in misfits.items() if source not in dead)
        letters = [self._letter(letter) for letter in result.dead_letters]
        self._place(parcel, self._outlets.dead_letters, letters, by_key=False)
        return parcel

    def _misfits(self, result: BatchResult, entries: Mapping[OutputKind, Sequence[Entry]]) -> dict[str, DeadLetter]:
        """Return a dead letter for each input with an output too large for its topic, by its source."""
        found: dict[str, DeadLetter] = {}
        for kind, listed in entries.items():
            outputs, limit = result.outputs[kind], self._outlets.outputs[kind].max_bytes
            if _all_small(outputs, limit):
                continue
            for output, entry in zip(outputs, listed, strict=True):
                if _size(entry) > limit:
                    message = f"its {kind} record has {_size(entry)} bytes, {limit} fit the topic"
                    found[output.record.source] = DeadLetter(output.record, "output_too_large", message, "emit")
        return found

    @staticmethod
    def _kept(
        outputs: Sequence[Output], entries: Sequence[Entry], to: Destination, misfits: Mapping[str, DeadLetter]
    ) -> list[Entry]:
        return [
            entry
            for output, entry in zip(outputs, entries, strict=True)
            if _size(entry) <= to.max_bytes and not (output.kind in _BY_EVENT and output.record.source in misfits)
        ]

    def _place(self, parcel: Parcel, to: Destination, entries: Iterable[Entry], *, by_key: bool) -> None:
        outlets = self._outlets
        if not by_key and outlets.partitioning == "input" and to.partitions == outlets.input_partitions:
            if entries:
                parcel.setdefault((to.topic, self._partition), []).extend(entries)
            return
        for entry in entries:
            key = entry[0]
            partition = self._partition % to.partitions if key is None else partition_of(key, to.partitions)
            parcel.setdefault((to.topic, partition), []).append(entry)

    def _letter(self, letter: DeadLetter) -> Entry:
        record = letter.record
        added: Headers = [
            ("error.reason", letter.reason.encode()),
            ("error.message", letter.message.encode()),
            ("error.source", record.source.encode()),
            ("error.stage", letter.stage.encode()),
            ("error.time", self._now().encode()),
        ]
        if record.timestamp is not None:
            added.append(("error.timestamp", b"%d" % record.timestamp))
        value = record.value or None
        if record.oversize is not None:
            value = _description(record.oversize, record.source)
        entry: Entry = (record.key, value, [*record.headers, *added])
        limit = self._outlets.dead_letters.max_bytes
        if _size(entry) <= limit:
            return entry
        whole = Oversize(len(record.value), hashlib.sha256(record.value).hexdigest())
        added[0] = ("error.reason", b"output_too_large")
        short: Entry = (record.key, _description(whole, record.source), [*record.headers, *added])
        return short if _size(short) <= limit else (None, short[1], added)


def _description(whole: Oversize, source: str) -> bytes:
    """Return what stands for a value that no topic takes."""
    return orjson.dumps({"size": whole.size, "sha256": whole.sha256, "source": source})


def _entries(kind: OutputKind, outputs: Sequence[Output]) -> list[Entry]:
    fixed = _FIXED[kind]
    found: list[Entry] = []
    for output in outputs:
        record, trigger = output.record, output.trigger
        headers = [*fixed, ("source", record.source.encode()), ("ce_id", output.id.encode())]
        if trigger.time is not None:
            headers.append(("ce_time", trigger.time.encode()))
        if record.headers:
            headers += _passed_on(record, trigger)
        found.append((output.key, output.value, headers))
    return found


def _passed_on(record: Record, trigger: Trigger) -> Headers:
    headers = [header for header in record.headers if header[0] in _PASSED_ON]
    if not trigger.context_path:  # a bare event object, from a CloudEvent in binary mode
        headers.append(("ce_trigger", trigger.kind.encode()))
    return headers


def _all_small(outputs: Sequence[Output], limit: int) -> bool:
    """Tell whether all are so far below the limit that none needs a closer look: headers say what values say too."""
    largest = max([len(output.value) for output in outputs])
    longest = max([len(output.key or b"") for output in outputs])
    if any(output.record.headers for output in outputs):
        return False
    return 2 * largest + longest + _OWN_HEADERS_BYTES <= limit


def _size(entry: Entry) -> int:
    """Return the bytes of a batch of this record alone, uncompressed."""
    key, value, headers = entry
    listed = sum(_HEADER_OVERHEAD + len(name) + len(content or b"") for name, content in headers)
    return _RECORD_OVERHEAD + len(key or b"") + len(value or b"") + listed


def partition_of(key: bytes, count: int) -> int:
    """Return the partition that Kafka's own producers choose for the key."""
    return (_murmur2(key) & 0x7FFFFFFF) % count


def _murmur2(data: bytes) -> int:
    """Return the hash that Kafka's Java client computes (`org.apache.kafka.common.utils.Utils.murmur2`), unsigned.

    aiokafka has one too; this takes half its time.
    """
    whole = len(data) // 4
    found = 0x9747B28C ^ len(data)
    for word in unpack_from(f"<{whole}I", data):
        mixed = word * _MIX & _32_BITS
        found = (found * _MIX & _32_BITS) ^ ((mixed ^ mixed >> 24) * _MIX & _32_BITS)
    if rest := data[4 * whole :]:
        found = (found ^ int.from_bytes(rest, "little")) * _MIX & _32_BITS
    found = (found ^ found >> 13) * _MIX & _32_BITS
    return found ^ found >> 15
