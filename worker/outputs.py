"""What the pipeline hands back to a stream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, get_args

import msgspec

from worker.ids import derived_id
from worker.records import DeadLetterReason, Record
from worker.trigger import Trigger

OutputKind = Literal["enriched", "exposures", "enrollments", "commands", "assignments"]
OUTPUT_KINDS: tuple[OutputKind, ...] = get_args(OutputKind)
Stage = Literal["decode", "handler", "emit"]


class Output(msgspec.Struct, frozen=True, gc=False):
    """One record to emit: `value` is its JSON; the input's headers and the trigger are there for its headers."""

    kind: OutputKind
    record: Record
    trigger: Trigger
    key: bytes | None
    value: bytes
    index: int = 0
    known_id: str | None = None

    @property
    def id(self) -> str:
        """The id of its CloudEvents headers, derived from the event; `known_id` where the value has it too."""
        return self.known_id or derived_id(self.trigger, self.kind, self.index)


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


async def nothing_claimed() -> bool:
    """Renew a batch that asked the store for nothing."""
    return True


class BatchResult(msgspec.Struct):
    """Everything that a batch says should happen; nothing of it has happened yet.

    `outputs` are in the order of the inputs within each kind; every kind is there.
    `stop` is why the worker must stop (then nothing of the batch may be emitted), None to go on. `confirm` is called
    once all of it has happened for good. `renew` asks the store again: False if it answers otherwise by now, and the
    batch must be decided anew.
    """

    outputs: dict[OutputKind, list[Output]]
    dead_letters: list[DeadLetter]
    tallies: Tallies
    confirm: Callable[[], None]
    renew: Callable[[], Awaitable[bool]] = nothing_claimed
    stop: str | None = None


def no_outputs() -> dict[OutputKind, list[Output]]:
    """Return a batch's outputs before there are any."""
    return {kind: [] for kind in OUTPUT_KINDS}
