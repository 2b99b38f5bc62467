"""Fields of the formats around the event object: ids, times, objects, texts; wrong types are refused by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from worker.formats.decode import type_name
from worker.records import Record, Rejected

_LAST = 253_402_300_799_999  # the end of 9999; producers set timestamps, and -1 is Kafka's "none"
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_RFC3339 = re.compile(
    r"((?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[Tt ](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
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
        stamp = record.timestamp
        return rfc3339(stamp) if stamp is not None and 0 <= stamp <= _LAST else None
    if type(value) is not str or not is_rfc3339(value):
        raise Rejected("invalid_event", f"{name} is {_found(value)}, expected an RFC 3339 date and time")
    return value


def is_rfc3339(value: str) -> bool:
    """Tell whether the text is a date and time of RFC 3339 section 5.6 (leap seconds, real days, no year 0)."""
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


def _found(value: object) -> str:
    return type_name(value) if type(value) is not str else "an empty string" if not value else "another text"


def _is_date(date: str) -> bool:
    try:
        datetime.fromisoformat(date)
    except ValueError:
        return False
    return True
