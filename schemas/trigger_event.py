"""Native trigger events."""

from __future__ import annotations

from schemas.base import WireModel
from schemas.event import Event
from schemas.vocabulary import TriggerName


class TriggerEvent(WireModel):
    """One login or registration: on the triggers topic as it happened, on the enriched topic with its context.

    A missing `id` is stood in for by the record's place, a missing `time` (RFC 3339) by its timestamp.
    """

    id: str | None = None
    trigger: TriggerName
    time: str | None = None
    event: Event
