"""Erasures: who was erased on request, so that no restore brings them back."""

from __future__ import annotations

from pydantic import Field

from schemas.base import WireModel
from schemas.text import SubjectHash, Time
from schemas.vocabulary import SubjectType


class Erasure(WireModel):
    """An erased subject, keyed by its hash on a compacted topic: its assignments from before the record don't count."""

    subject_type: SubjectType
    subject: SubjectHash = Field(description="HMAC-SHA256(pepper, `tenant|subject_type|identifier`), lower-case hex.")
    erased_at: Time = Field(description="When it was asked for; the record's own timestamp is what counts.")
