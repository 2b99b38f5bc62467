"""Native trigger events: `{"id", "trigger", "time", "event": {…}}`."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from worker.formats.decode import type_name
from worker.formats.event import EventFields, LazyEvent, fields_of, make_trigger
from worker.formats.fields import event_id, event_time, invalid, is_rfc3339
from worker.records import Record, Rejected
from worker.trigger import Trigger, TriggerKind

KINDS: dict[str, TriggerKind] = {
    "post_login": "post_login",
    "pre_user_registration": "pre_user_registration",
    "post_user_registration": "post_user_registration",
}
_PATH = ("event",)
_NAME = re.compile(r"[A-Za-z_-]{1,64}")


class _Envelope(msgspec.Struct, frozen=True):
    trigger: Literal["post_login", "pre_user_registration", "post_user_registration"]
    event: EventFields
    id: str
    time: str
    specversion: Any | UnsetType = UNSET


_envelope = msgspec.json.Decoder(_Envelope)


def read_straight(record: Record) -> Trigger | None:
    """Read a plain native event from its bytes, without decoding what the decision does not need.

    None means: not plainly a valid native event that has its id and time and no `experiment` yet. Then the long way
    decides. msgspec checks the syntax of what it passes over, but not that strings are UTF-8.
    """
    raw = record.value
    try:
        if not raw.isascii():
            raw.decode()
        found = _envelope.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    plain = found.specversion is UNSET and found.event.experiment is UNSET
    if not (plain and found.id and is_rfc3339(found.time)):
        return None
    return make_trigger(found.event, found.trigger, LazyEvent(raw), id_=found.id, time=found.time, path=_PATH)


def recognises(document: dict[str, Any]) -> bool:
    """Tell whether this is a trigger event: it names a trigger or has an `event`."""
    return "trigger" in document or "event" in document


def read(document: dict[str, Any], record: Record) -> Trigger:
    """Read a native trigger event."""
    kind = trigger_kind(document.get("trigger"))
    event = document.get("event")
    if type(event) is not dict:
        raise invalid("event", event, "an object")
    return make_trigger(
        fields_of(event),
        kind,
        event,
        id_=event_id(document, "id", record),
        time=event_time(document, "time", record),
        path=_PATH,
    )


def trigger_kind(name: object) -> TriggerKind:
    """Return the trigger of that name.

    Raises:
        Rejected: `unknown_trigger`, with the names that are known.
    """
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise Rejected("unknown_trigger", f"the trigger is {_shown(name)}, expected one of {', '.join(KINDS)}")
    return kind


def _shown(name: object) -> str:
    """Return what looks like a trigger's name as it is; any other text could be somebody's data."""
    if not isinstance(name, str):
        return type_name(name)
    return f'"{name}"' if _NAME.fullmatch(name) else "a text that names no trigger"
