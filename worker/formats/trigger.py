"""Native trigger events: `{"id", "trigger", "time", "event": {…}}`."""

from __future__ import annotations

from typing import Any

from worker.formats.decode import type_name
from worker.formats.fields import event_id, event_time, invalid, read_event
from worker.records import Record, Rejected
from worker.trigger import Trigger, TriggerKind

KINDS: dict[str, TriggerKind] = {
    "post_login": "post_login",
    "pre_user_registration": "pre_user_registration",
    "post_user_registration": "post_user_registration",
}


def recognises(document: dict[str, Any]) -> bool:
    """Tell whether this is a trigger event: it names a trigger or has an `event`."""
    return "trigger" in document or "event" in document


def read(document: dict[str, Any], record: Record) -> Trigger:
    """Read a native trigger event."""
    name = document.get("trigger")
    event = document.get("event")
    kind = trigger_kind(name)
    if type(event) is not dict:
        raise invalid("event", event, "an object")
    return read_event(
        event,
        kind,
        id_=event_id(document, "id", record),
        time=event_time(document, "time", record),
        path=("event",),
    )


def trigger_kind(name: object) -> TriggerKind:
    """Return the trigger of that name.

    Raises:
        Rejected: `unknown_trigger`, with the names that are known.
    """
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        found = f'"{name[:64]}"' if isinstance(name, str) else type_name(name)
        raise Rejected("unknown_trigger", f"the trigger is {found}, expected one of {', '.join(KINDS)}")
    return kind
