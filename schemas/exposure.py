"""Exposures: who was given which variation, and why."""

from __future__ import annotations

from pydantic import Field

from schemas.base import WireModel
from schemas.text import DerivedId, Id, Revision, SubjectHash, Time
from schemas.vocabulary import AssignmentMethod, ContextReason, DeviceType, SubjectType, TriggerName, WarningCode


class Exposure(WireModel):
    """One context that was given. It carries no e-mail address, no IP address and no config value."""

    exposure_id: DerivedId = Field(description="Derived from the event (UUIDv5): the same event yields the same id.")
    event_id: Id = Field(description="The input's id; without one its place.")
    trigger: TriggerName
    occurred_at: Time | None = Field(description="The event's time as it came (RFC 3339); null: not known.")
    tenant_id: str | None
    experiment_id: Id
    experiment_revision: Revision = Field(description="Hash of all in the experiment's definition that decides.")
    feature_flag_id: Id
    variation_id: Id
    segment_id: Id | None = Field(description="The segment that decided; null: none did.")
    is_control: bool
    assignment_method: AssignmentMethod = Field(description="`auto`, or how the request overrode the decision.")
    reason: ContextReason = Field(description="Which step of the decision answered.")
    is_first: bool | None = Field(description="True for the event that created the assignment; null: not known.")
    subject_type: SubjectType | None = Field(description="Null: the event names nobody (only if forced).")
    subject: SubjectHash | None = Field(
        description="HMAC-SHA256(pepper, `tenant|subject_type|identifier`), lower-case hex."
    )
    user_id: str | None
    client_id: str | None
    connection: str | None = Field(description="The connection's name.")
    organization_id: str | None
    country: str | None = Field(description="The country code of the request's geography.")
    device_type: DeviceType | None = Field(description="Read off the user agent; null: there is none.")
    warnings: list[WarningCode] = Field(description="What did not go as asked, without breaking the flow.")
