"""Native trigger events."""

from __future__ import annotations

from pydantic import Field

from schemas.base import WireModel
from schemas.event import Event
from schemas.text import Id, Time
from schemas.vocabulary import TriggerName


class TriggerEvent(WireModel):
    """One login or registration, as it happened."""

    id: Id | None = Field(None, description="Absent or null: the record's place stands in.")
    trigger: TriggerName
    time: Time | None = Field(None, description="RFC 3339. Absent or null: the record's timestamp stands in.")
    event: Event
