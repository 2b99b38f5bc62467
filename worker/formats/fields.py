"""Read the fields that the decision needs from an event object, and refuse wrong types by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from worker.formats.decode import type_name
from worker.records import Record, Rejected
from worker.trigger import Path, Trigger, TriggerKind

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_RFC3339 = re.compile(
    r"(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[Tt ](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
    r"(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)


def invalid(path: str, value: object, expected: str) -> Rejected:
    """Return the dead letter of a field with the wrong type."""
    return Rejected("invalid_event", f"{path} is {type_name(value)}, expected {expected}")


def member(parent: Mapping[str, Any], name: str, prefix: str = "event.") -> Mapping[str, Any]:
    """Return the object under that name, an empty one if it is absent or null."""
    value = parent.get(name)
    if value is None:
        return _NOTHING
    if type(value) is not dict:
        raise invalid(prefix + name, value, "an object")
    return value


def text(parent: Mapping[str, Any], name: str, prefix: str) -> str | None:
    """Return the string under that name, None if it is absent or null."""
    value = parent.get(name)
    if value is None or type(value) is str:
        return value
    raise invalid(prefix + name, value, "a string")


def event_id(parent: Mapping[str, Any], name: str, record: Record) -> str:
    """Return the id, the record's place if it has none."""
    value = parent.get(name)
    if value is None:
        return record.source
    if type(value) is not str or not value:
        raise Rejected("invalid_event", f"{name} is {_found(value)}, expected a non-empty string")
    return value


def event_time(parent: Mapping[str, Any], name: str, record: Record) -> str | None:
    """Return the RFC 3339 text, the record's timestamp if there is none."""
    value = parent.get(name)
    if value is None:
        return None if record.timestamp is None else rfc3339(record.timestamp)
    if type(value) is not str or not is_rfc3339(value):
        raise Rejected("invalid_event", f"{name} is {_found(value)}, expected an RFC 3339 date and time")
    return value


def is_rfc3339(value: str) -> bool:
    """Tell whether the text is a date and time of RFC 3339 section 5.6 (leap seconds allowed, real days only)."""
    found = _RFC3339.fullmatch(value)
    return found is not None and (value[8:10] <= "28" or _is_date(found[1]))


def parse_rfc3339(value: str) -> datetime:
    """Return the moment of a text that `is_rfc3339` (a leap second is read as the second before it)."""
    text_ = value.upper().replace("Z", "+00:00").replace(" ", "T")
    return datetime.fromisoformat(text_[:17] + text_[17:].replace("60", "59", 1) if text_[17:19] == "60" else text_)


def rfc3339(milliseconds: int) -> str:
    """Write milliseconds since the epoch as RFC 3339 in UTC."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def read_event(
    event: dict[str, Any],
    kind: TriggerKind,
    *,
    id_: str,
    time: str | None,
    path: Path,
    id_scope: str = "",
) -> Trigger:
    """Read an event object in the shape of the Actions reference.

    Raises:
        Rejected: `invalid_event`, naming the field, what was found and what was expected.
    """
    user = member(event, "user")
    request = member(event, "request")
    client = member(event, "client")
    connection = member(event, "connection")
    geoip = member(request, "geoip", "event.request.")
    return Trigger(
        kind=kind,
        id=id_,
        id_scope=id_scope,
        time=time,
        tenant=text(member(event, "tenant"), "id", "event.tenant."),
        event=event,
        context_path=path,
        segment_in_context=False,
        user_id=text(user, "user_id", "event.user."),
        email=text(user, "email", "event.user."),
        phone_number=text(user, "phone_number", "event.user."),
        username=text(user, "username", "event.user."),
        client_id=text(client, "client_id", "event.client."),
        connection=text(connection, "name", "event.connection."),
        connection_type=text(connection, "strategy", "event.connection."),
        organization_id=text(member(event, "organization"), "id", "event.organization."),
        domain=text(request, "hostname", "event.request."),
        user_agent=text(request, "user_agent", "event.request."),
        country=_text_or_none(geoip.get("countryCode")),
        region=_text_or_none(geoip.get("subdivisionCode")),
        query=member(request, "query", "event.request."),
    )


def _text_or_none(value: object) -> str | None:
    return value if type(value) is str else None


def _found(value: object) -> str:
    return type_name(value) if type(value) is not str else "an empty string" if not value else "another text"


def _is_date(date: str) -> bool:
    try:
        datetime.fromisoformat(date)
    except ValueError:
        return False
    return True
