"""What the pipeline hands back to a stream."""

from __future__ import annotations

from typing import Literal

import msgspec

from worker.records import DeadLetterReason, Record

OutputKind = Literal["enriched", "exposures", "enrollments", "commands", "assignments"]
Stage = Literal["decode", "handler", "emit"]


class Output(msgspec.Struct, frozen=True, gc=False):
    """One record to emit: `value` is its JSON, `id` and `time` (RFC 3339) are those of its CloudEvents headers."""

    kind: OutputKind
    record: Record
    id: str
    time: str | None
    key: bytes | None
    value: bytes


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """An input that could not be processed, as it was, with the reason; the stream adds the time."""

    record: Record
    reason: DeadLetterReason
    message: str
    stage: Stage


class Placement(msgspec.Struct, frozen=True, gc=False):
    """One event's place in an experiment's split, for the statistics; overridden decisions have none."""

    tenant: str | None
    experiment_id: str
    variation_id: str
    subject_key: bytes
    exposed: bool


class Tallies(msgspec.Struct):
    """What a batch came to: inputs read, decisions by reason, warnings by code, skips by kind."""

    events: int
    decisions: dict[str, int] = {}
    warnings: dict[str, int] = {}
    skipped: dict[str, int] = {}
    identity_conflicts: int = 0
    placements: list[Placement] = []


class BatchResult(msgspec.Struct):
    """Everything that a batch says should happen; nothing of it has happened yet.

    `stop` is why the worker must stop (then nothing of the batch may be emitted), None to go on.
    """

    outputs: list[Output]
    dead_letters: list[DeadLetter]
    tallies: Tallies
    stop: str | None = None
