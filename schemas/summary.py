"""The summary of a replay: `summary.json`."""

from __future__ import annotations

from pydantic import Field

from schemas.base import WireModel
from schemas.vocabulary import TriggerName


class VariationSummary(WireModel):
    """What one variation of an experiment was given to; overridden decisions don't count."""

    variation_id: str
    is_control: bool
    subjects: int = Field(ge=0)
    exposures: int = Field(ge=0)
    expected_share: float | None = Field(description="Between 0 and 1; null where requests decide.")


class ExperimentSummary(WireModel):
    """One experiment that runs and how it split."""

    tenant_id: str | None
    experiment_id: str
    variations: list[VariationSummary]


class HandlerSummary(WireModel):
    """What became of the calls of one handler; `commands` and `enrollments` count what went out."""

    name: str
    trigger: TriggerName
    calls: int = Field(ge=0)
    errors: int = Field(ge=0)
    timeouts: int = Field(ge=0)
    skipped: int = Field(ge=0, description="Failures that were left out of the event (on_error=skip).")
    commands: int = Field(ge=0)
    enrollments: int = Field(ge=0)


class GivenArm(WireModel):
    """What a subject gets."""

    experiment_id: str
    variation_id: str


class Move(WireModel):
    """Subjects by what they get now and would get then; null is nothing."""

    from_: GivenArm | None = Field(alias="from")
    to: GivenArm | None
    subjects: int = Field(ge=1)
    examples: list[str] = Field(description="How the hex of a few subjects that change begins.")


class Change(WireModel):
    """A count under both sets of definitions, beside the names of what is counted."""

    now: int = Field(ge=0)
    then: int = Field(ge=0)


class Comparison(WireModel):
    """What would be different under the other definitions (`--compare`)."""

    subjects: int = Field(ge=0)
    changed: int = Field(ge=0)
    moves: list[Move]
    split: list[Change] = Field(description="Subjects by `experiment_id` and `variation_id`.")
    segments: list[Change] = Field(description="Subjects by `experiment_id` and `segment_id`.")
    commands: list[Change] = Field(description="Calls by `method`.")
    enrollments: list[Change] = Field(description="Webhooks by `endpoint`.")


class Summary(WireModel):
    """What a replay read and what came of it; `seconds` is the only part that differs from run to run."""

    events: int = Field(ge=0, description="Inputs read, skips and dead letters included.")
    enriched: int = Field(ge=0)
    exposures: int = Field(ge=0)
    enrollments: int = Field(ge=0)
    commands: int = Field(ge=0)
    assignments: int = Field(ge=0)
    dead_letters: dict[str, int] = Field(description="By reason.")
    skipped: dict[str, int] = Field(description="By kind.")
    decisions: dict[str, int] = Field(description="By reason.")
    warnings: dict[str, int] = Field(description="By code.")
    identity_conflicts: int = Field(ge=0, description="Events whose identities hold different records.")
    definitions_revision: str
    experiments: list[ExperimentSummary]
    handlers: list[HandlerSummary]
    comparison: Comparison | None = Field(default=None, description="Only with `--compare`.")
    seconds: float = Field(ge=0)
