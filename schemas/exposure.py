"""Exposures: who was given which variation, and why."""

from __future__ import annotations

from pydantic import Field

from schemas.base import WireModel
from schemas.vocabulary import AssignmentMethod, ContextReason, DeviceType, SubjectType, TriggerName, WarningCode


class Exposure(WireModel):
    """One context that was given. It carries no e-mail address, no IP address and no config value.

    `exposure_id` is derived from the event (UUIDv5): the same event yields the same id. `occurred_at` is the event's
    time as it came (RFC 3339). `subject` is HMAC-SHA256(pepper, `tenant|subject_type|identifier`) in lower-case hex.
    """

    exposure_id: str
    event_id: str
    trigger: TriggerName
    occurred_at: str | None
    tenant_id: str | None
    experiment_id: str
    experiment_revision: str
    feature_flag_id: str
    variation_id: str
    segment_id: str | None
    is_control: bool
    assignment_method: AssignmentMethod
    reason: ContextReason
    is_first: bool | None = Field(description="True for the event that created the assignment; null: not known.")
    subject_type: SubjectType | None
    subject: str | None
    user_id: str | None
    client_id: str | None
    connection: str | None
    organization_id: str | None
    country: str | None
    device_type: DeviceType | None
    warnings: list[WarningCode]
