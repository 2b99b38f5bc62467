"""The summary of a replay."""

from __future__ import annotations

from typing import Literal

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


class Given(WireModel):
    """A variation of an experiment."""

    experiment_id: Id
    variation_id: Id


class Affected(WireModel):
    """How many subjects other definitions would affect; who would see several changes counts for each."""

    compared: Count
    affected: Count = Field(description="Who would see any change but moved.")
    changed: Count = Field(description="Another variation.")
    gained: Count = Field(description="A variation instead of none.")
    lost: Count = Field(description="None instead of a variation.")
    reconfigured: Count = Field(description="The same variation, with another config or role.")
    moved: Count = Field(description="The same variation and config, of another experiment.")


class Change(WireModel):
    """What some subjects would get instead of what they get; `examples` are the beginnings of their keys."""

    kind: Literal["changed", "gained", "lost", "reconfigured", "moved", "unchanged"]
    before: Given | None
    after: Given | None
    subjects: Count
    events: Count
    examples: list[str]


class Share(WireModel):
    """A variation's part under one set of definitions."""

    subjects: Count
    exposures: Count
    expected_share: float | None = Field(ge=0, le=1, description="Null where segments decide.")


class VariationComparison(WireModel):
    """A variation under both sets; null where it does not run."""

    tenant_id: str | None
    experiment_id: Id
    variation_id: Id
    configured: Share | None
    other: Share | None


class SegmentComparison(WireModel):
    """The subjects of a segment under both sets; the segment null is the fallback."""

    tenant_id: str | None
    experiment_id: Id
    segment_id: str | None
    configured: Count
    other: Count


class Asked(WireModel):
    """What handlers ask for under both sets, and how much of it for events that don't ask for it under the other."""

    configured: Count
    other: Count
    gained: Count
    lost: Count


class MethodComparison(Asked):
    """Commands of one method, by its Actions name."""

    method: str


class EndpointComparison(Asked):
    """Enrollments at one endpoint, of a URL its host."""

    endpoint: str


class DeadLetterComparison(WireModel):
    """The dead letters under both sets."""

    configured: Count
    other: Count


class Comparison(WireModel):
    """What other definitions would change for the same events; overridden ones are left out."""

    definitions: str = Field(description="The file or folder of the other set.")
    activated: str | None = Field(description="The experiment that was taken for active.")
    definitions_revision: Revision
    overridden: Count
    subjects: Affected
    changes: list[Change]
    variations: list[VariationComparison]
    segments: list[SegmentComparison]
    commands: list[MethodComparison]
    enrollments: list[EndpointComparison]
    dead_letters: DeadLetterComparison


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
    comparison: Comparison | SkipJsonSchema[None] = Field(None, description="Only with `--compare` or `--activate`.")
    seconds: float = Field(ge=0, description="How long the replay took.")
