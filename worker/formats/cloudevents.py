"""CloudEvents 1.0, structured and (on Kafka) binary: `auth0.trigger.*` and Event Streams' `user.created`.

In binary mode the attributes are headers, named by the Kafka protocol binding: `ce_` and the attribute's name.

The shape of `user.created` (`data.object`, `data.context`, `a0tenant`) is that of the Event Streams' published schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from worker.formats.event import fields_of, make_trigger
from worker.formats.fields import event_id, event_time, invalid, member, text
from worker.formats.trigger import trigger_kind
from worker.records import Record, Rejected, Skipped
from worker.trigger import Path, Trigger, TriggerKind

Attributes = Mapping[str, Any]

_PREFIX = "auth0.trigger."
_USER_CREATED = "user.created"
_MARK = "ce_specversion"
_READ = frozenset({"content-type", _MARK, "ce_type", "ce_source", "ce_id", "ce_time", "ce_a0tenant"})
_STRUCTURED = b"application/cloudevents"
_GEOIP = {
    "continent_code": "continentCode",
    "country_code": "countryCode",
    "country_name": "countryName",
    "city_name": "cityName",
    "subdivision_code": "subdivisionCode",
    "subdivision_name": "subdivisionName",
    "time_zone": "timeZone",
    "latitude": "latitude",
    "longitude": "longitude",
}


def recognises(document: dict[str, Any]) -> bool:
    """Tell whether this is a structured CloudEvent."""
    return "specversion" in document


def read(document: dict[str, Any], record: Record) -> Trigger | Skipped:
    """Read a structured CloudEvent; types that are no triggers are skipped."""
    kind = kind_of(document.get("type"), "type")
    if isinstance(kind, Skipped):
        return kind
    data = document.get("data")
    if type(data) is not dict:
        raise invalid("data", data, "an object")
    return _trigger(kind, document, "", data, record, path=("data",))


def attributes_of(record: Record) -> Attributes | None:
    """Return the attributes of a CloudEvent in binary mode, by their headers' names; None of any other record.

    The header `ce_specversion` marks it; a content type of `application/cloudevents` says that it is structured.

    Raises:
        Rejected: an attribute that is read is no UTF-8.
    """
    for name, _ in record.headers:  # most headers are a trace's: no more is done for them
        if name == _MARK:
            break
    else:
        return None
    found = {name: value for name, value in record.headers if name in _READ and value is not None}
    if found.pop("content-type", b"").lower().startswith(_STRUCTURED):
        return None
    try:
        return {name: value.decode() for name, value in found.items()}
    except UnicodeDecodeError:
        raise Rejected("invalid_event", "a ce_ header is no UTF-8, expected text") from None


def read_data(kind: TriggerKind, attributes: Attributes, data: dict[str, Any], record: Record) -> Trigger:
    """Read a CloudEvent in binary mode: `data` is the record's value, which receives the context itself."""
    return _trigger(kind, attributes, "ce_", data, record, path=())


def kind_of(name: object, place: str) -> TriggerKind | Skipped:
    """Return which trigger a type is, or the skip of a type that is none; `place` is where it stood.

    Raises:
        Rejected: there is no type, or it names a trigger that is not known.
    """
    if not isinstance(name, str):
        raise invalid(place, name, "a string")
    if name.startswith(_PREFIX):
        return trigger_kind(name.removeprefix(_PREFIX))
    return "post_user_registration" if name == _USER_CREATED else Skipped(f"cloudevent:{name[:64]}")


def _trigger(
    kind: TriggerKind, attributes: Attributes, prefix: str, data: dict[str, Any], record: Record, *, path: Path
) -> Trigger:
    """Put attributes, whose names begin with `prefix`, and data together."""
    created = attributes[f"{prefix}type"] == _USER_CREATED
    event = _user_created(data, attributes.get(f"{prefix}a0tenant")) if created else data
    return make_trigger(
        fields_of(event),
        kind,
        event,
        id_=event_id(attributes, f"{prefix}id", record),
        id_scope=text(attributes, f"{prefix}source", "") or "",
        time=event_time(attributes, f"{prefix}time", record),
        path=path,
    )


def _user_created(data: dict[str, Any], tenant: object) -> dict[str, Any]:
    user = data.get("object")
    if type(user) is not dict:
        raise invalid("data.object", user, "an object")
    context = member(data, "context", "data.")
    client = member(context, "client", "data.context.")
    client_id = client.get("client_id")
    request = member(context, "request", "data.context.")
    geo = member(request, "geo", "data.context.request.")
    return {
        "tenant": {"id": tenant},
        "user": user,
        "client": {**client, "client_id": client.get("id") if client_id is None else client_id},
        "connection": dict(member(context, "connection", "data.context.")),
        "request": {
            **{name: value for name, value in request.items() if name != "geo"},
            "geoip": {_GEOIP.get(name, name): value for name, value in geo.items()},
        },
    }
