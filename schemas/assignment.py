"""Assignments: the store's records, from which the store can be rebuilt."""

from __future__ import annotations

from pydantic import Field

from schemas.base import WireModel
from schemas.text import Id, Revision, SubjectHash, Time
from schemas.vocabulary import SubjectType


class Assignment(WireModel):
    """One store record, keyed `tenant|experiment|subject` on a compacted topic. Of one key the highest version counts.

    The same record may be published again. A record without a value (a tombstone) deletes its key.
    """

    tenant_id: str | None
    experiment_id: Id
    subject_type: SubjectType
    subject: SubjectHash = Field(description="HMAC-SHA256(pepper, `tenant|subject_type|identifier`), lower-case hex.")
    variation_id: Id
    version: int = Field(ge=0, description="0, and one more with each reassignment.")
    experiment_revision: Revision = Field(description="Of the definition that gave it.")
    experiment_updated_at: Time | None = Field(
        description="`updated_at` of the definition that gave it, in UTC with microseconds; null: it has none."
    )
    assigned_at: Time | None = Field(description="The time of the event that created it, as it came; null: not known.")
    event_id: Id = Field(description="The event that created it.")
