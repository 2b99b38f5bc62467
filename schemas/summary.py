"""The summary of a replay."""

from __future__ import annotations

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from schemas.base import WireModel
from schemas.text import Count, Id, Revision
from schemas.vocabulary import ContextReason, DeadLetterReason, NullReason, TriggerName, WarningCode


class VariationSummary(WireModel):
    """How one variation fared. Overridden decisions don't count."""

    variation_id: Id
    is_control: bool
    subjects: Count = Field(description="Different subjects that were given it.")
    exposures: Count = Field(description="Exposures of it.")
    expected_share: float | None = Field(
        ge=0, le=1, description="What the weights say; null: segments decide, no share is expected."
    )


class ExperimentSummary(WireModel):
    """How one active or paused experiment split."""

    tenant_id: str | None
    experiment_id: Id
    variations: list[VariationSummary]


class HandlerSummary(WireModel):
    """What became of one handler's calls."""

    name: Id
    trigger: TriggerName
    calls: Count
    errors: Count
    timeouts: Count
    skipped: Count = Field(description='Failures that were dropped (`on_error="skip"`).')
    commands: Count = Field(description="Commands that went out.")
    enrollments: Count = Field(description="Enrollments that went out.")


class GivenVariation(WireModel):
    """What a subject gets."""

    experiment_id: Id
    variation_id: Id


class Move(WireModel):
    """Subjects by what they get now and would get under the other definitions; null is nothing."""

    from_: GivenVariation | None = Field(alias="from")
    to: GivenVariation | None
    subjects: Count
    examples: list[str] = Field(description="How the hex of a few subjects that change begins.")


class Change(WireModel):
    """A count under both sets of definitions, beside the ids of what is counted."""

    now: Count
    then: Count


class Comparison(WireModel):
    """What would be different under the other definitions (`replay --compare`)."""

    subjects: Count
    changed: Count
    moves: list[Move]
    split: list[Change] = Field(description="Subjects by `experiment_id` and `variation_id`.")
    segments: list[Change] = Field(description="Subjects by `experiment_id` and `segment_id`.")
    commands: list[Change] = Field(description="Calls by `method`.")
    enrollments: list[Change] = Field(description="Webhooks by `endpoint`.")


class Summary(WireModel):
    """`summary.json`: what came in, what came of it, and how the experiments split."""

    events: Count = Field(description="Inputs read, skipped ones and dead letters included.")
    enriched: Count
    exposures: Count
    enrollments: Count
    commands: Count
    assignments: Count
    dead_letters: dict[DeadLetterReason, Count] = Field(description="By reason.")
    skipped: dict[str, Count] = Field(
        description="By kind: `blank`, `tombstone`, `outside_window`, `log:<type>`, `cloudevent:<type>`."
    )
    decisions: dict[ContextReason | NullReason, Count] = Field(description="By reason, also of those that gave null.")
    warnings: dict[WarningCode, Count] = Field(description="By code.")
    identity_conflicts: Count = Field(description="Events whose identities had different variations.")
    definitions_revision: Revision
    experiments: list[ExperimentSummary]
    handlers: list[HandlerSummary]
    comparison: Comparison | SkipJsonSchema[None] = Field(None, description="Only with `--compare`.")
    seconds: float = Field(ge=0, description="How long the replay took.")
