"""CloudEvents 1.0 in structured mode: `auth0.trigger.*` and Event Streams' `user.created`.

The shape of `user.created` (`data.object`, `data.context`, `a0tenant`) is that of the Event Streams' published schema.
"""

from __future__ import annotations

from typing import Any

from worker.formats.event import fields_of, make_trigger
from worker.formats.fields import event_id, event_time, invalid, member, text
from worker.formats.trigger import trigger_kind
from worker.records import Record, Skipped
from worker.trigger import Trigger

_PREFIX = "auth0.trigger."
_USER_CREATED = "user.created"
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
    """Read a CloudEvent; types that are no triggers are skipped."""
    name = document.get("type")
    if type(name) is not str:
        raise invalid("type", name, "a string")
    if name.startswith(_PREFIX):
        kind = trigger_kind(name.removeprefix(_PREFIX))
    elif name == _USER_CREATED:
        kind = "post_user_registration"
    else:
        return Skipped(f"cloudevent:{name[:64]}")
    data = document.get("data")
    if type(data) is not dict:
        raise invalid("data", data, "an object")
    event = _user_created(data, document) if name == _USER_CREATED else data
    return make_trigger(
        fields_of(event),
        kind,
        event,
        id_=event_id(document, "id", record),
        id_scope=text(document, "source", "") or "",
        time=event_time(document, "time", record),
        path=("data",),
    )


def _user_created(data: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    user = data.get("object")
    if type(user) is not dict:
        raise invalid("data.object", user, "an object")
    context = member(data, "context", "data.")
    client = member(context, "client", "data.context.")
    client_id = client.get("client_id")
    request = member(context, "request", "data.context.")
    geo = member(request, "geo", "data.context.request.")
    return {
        "tenant": {"id": document.get("a0tenant")},
        "user": user,
        "client": {**client, "client_id": client.get("id") if client_id is None else client_id},
        "connection": dict(member(context, "connection", "data.context.")),
        "request": {
            **{name: value for name, value in request.items() if name != "geo"},
            "geoip": {_GEOIP.get(name, name): value for name, value in geo.items()},
        },
    }
