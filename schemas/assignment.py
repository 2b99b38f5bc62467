"""Assignments: the store's records, from which the store can be rebuilt."""

from __future__ import annotations

from pydantic import Field

from schemas.base import WireModel
from schemas.vocabulary import SubjectType


class Assignment(WireModel):
    """One store record, keyed `tenant|experiment|subject`. Of one key the highest version counts.

    `experiment_updated_at` is normalised to UTC with microseconds; `assigned_at` is the time of the event that created
    the record, `event_id` its id.
    """

    tenant_id: str | None
    experiment_id: str
    subject_type: SubjectType
    subject: str
    variation_id: str
    version: int = Field(ge=0, description="0, and one more with each reassignment.")
    experiment_revision: str
    experiment_updated_at: str | None
    assigned_at: str | None
    event_id: str
