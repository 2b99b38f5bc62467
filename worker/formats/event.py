"""The fields of an event object that the decision needs, declared once.

msgspec reads them straight from a record's bytes, without making the rest of the event, or from a dict. Either way a
wrong type is refused by name; null is absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from worker.formats.decode import decode
from worker.records import Rejected
from worker.trigger import Path, Trigger, TriggerKind


class _User(msgspec.Struct, frozen=True, gc=False):
    user_id: str | None = None
    email: str | None = None
    phone_number: str | None = None
    username: str | None = None


class _Identified(msgspec.Struct, frozen=True, gc=False):
    id: str | None = None


class _Client(msgspec.Struct, frozen=True, gc=False):
    client_id: str | None = None


class _Connection(msgspec.Struct, frozen=True, gc=False):
    name: str | None = None
    strategy: str | None = None


class _Geoip(msgspec.Struct, frozen=True):
    country: Any = msgspec.field(name="countryCode", default=None)
    region: Any = msgspec.field(name="subdivisionCode", default=None)


class _Request(msgspec.Struct, frozen=True):
    hostname: str | None = None
    user_agent: str | None = None
    query: dict[str, Any] | None = None
    geoip: _Geoip | None = None


class EventFields(msgspec.Struct, frozen=True):
    """What is read of an event object."""

    user: _User | None = None
    request: _Request | None = None
    client: _Client | None = None
    connection: _Connection | None = None
    organization: _Identified | None = None
    tenant: _Identified | None = None
    experiment: Any | UnsetType = UNSET


_NO_USER, _NO_REQUEST, _NO_CLIENT = _User(), _Request(), _Client()
_NO_CONNECTION, _NO_ONE, _NO_GEOIP = _Connection(), _Identified(), _Geoip()
_NO_QUERY: Mapping[str, Any] = MappingProxyType({})
_WRONG_TYPE = re.compile(r"Expected `(\w+)[^`]*`, got `(\w+)` - at `\$\.?(.*)`")
_NAMES = {
    "object": "an object",
    "array": "an array",
    "str": "a string",
    "bool": "a boolean",
    "null": "null",
    "int": "a number",
    "float": "a number",
}


def fields_of(event: Mapping[str, Any]) -> EventFields:
    """Read the fields of an event object.

    Raises:
        Rejected: `invalid_event`, naming the field, what was found and what was expected.
    """
    try:
        return msgspec.convert(event, EventFields)
    except msgspec.ValidationError as error:
        raise Rejected("invalid_event", _explain(str(error))) from None


def _explain(message: str) -> str:
    found = _WRONG_TYPE.fullmatch(message)
    assert found is not None, message  # noqa: S101 - the only way in which these types fail
    expected, got, path = found.groups()
    return f"event.{path} is {_NAMES[got]}, expected {_NAMES[expected]}"


def make_trigger(
    fields: EventFields,
    kind: TriggerKind,
    event: Mapping[str, Any],
    *,
    id_: str,
    time: str | None,
    path: Path,
    id_scope: str = "",
    segment_in_context: bool = False,
) -> Trigger:
    """Put the fields and what the format says of them together."""
    user, request = fields.user or _NO_USER, fields.request or _NO_REQUEST
    client, connection = fields.client or _NO_CLIENT, fields.connection or _NO_CONNECTION
    geoip = request.geoip or _NO_GEOIP
    country, region = geoip.country, geoip.region
    return Trigger(
        kind,
        id_,
        id_scope,
        time,
        (fields.tenant or _NO_ONE).id or None,  # an empty id names no tenant
        event,
        path,
        segment_in_context,
        user.user_id,
        user.email,
        user.phone_number,
        user.username,
        client.client_id,
        connection.name,
        connection.strategy,
        (fields.organization or _NO_ONE).id,
        request.hostname,
        request.user_agent,
        country if type(country) is str else None,
        region if type(region) is str else None,
        request.query or _NO_QUERY,
    )


class LazyEvent(Mapping[str, Any]):
    """The event object of a native trigger event, decoded when somebody first looks at it."""

    __slots__ = ("_event", "_raw")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._event: dict[str, Any] | None = None

    def _decoded(self) -> dict[str, Any]:
        if self._event is None:
            event: dict[str, Any] = decode(self._raw)["event"]
            self._event = event
        return self._event

    def __getitem__(self, name: str) -> Any:
        return self._decoded()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._decoded())

    def __len__(self) -> int:
        return len(self._decoded())
