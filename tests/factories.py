"""Inputs of the worker with boring defaults: keywords replace members, `ABSENT` leaves one out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from worker.records import Record

ABSENT = object()
TIME = "2026-03-01T12:00:00Z"
EMAIL = "anna@example.com"


def record(value: bytes | Mapping[str, Any] = b"{}", *, source: str = "log.ndjson/1", **fields: Any) -> Record:
    """A record of that value: bytes as they are, a document as JSON."""
    return Record(value if isinstance(value, bytes) else orjson.dumps(value), source, **fields)


def event_object(**members: Any) -> dict[str, Any]:
    """The Actions event object of a login."""
    return _with(
        members,
        tenant={"id": "acme"},
        user={"user_id": "auth0|1", "email": EMAIL, "username": "anna", "phone_number": "+15550100"},
        client={"client_id": "web", "name": "Web"},
        connection={"id": "con_1", "name": "users", "strategy": "auth0"},
        organization={"id": "org_1", "name": "acme"},
        request={
            "hostname": "login.example.com",
            "user_agent": "curl/8",
            "ip": "192.0.2.1",
            "query": {"device_id": "d-1"},
            "geoip": {"countryCode": "DE", "subdivisionCode": "BE"},
        },
    )


def trigger_event(event: Any = None, **envelope: Any) -> dict[str, Any]:
    """A native trigger event around that event object."""
    event = event_object() if event is None else event
    return _with(envelope, id="evt_1", trigger="post_login", time=TIME, event=event)


def post_login(**members: Any) -> dict[str, Any]:
    """A native login; keywords replace members of its event object."""
    return trigger_event(event_object(**members))


def cloud_event(data: Any = None, **attributes: Any) -> dict[str, Any]:
    """A structured CloudEvent of a login around that event object."""
    return _with(
        attributes,
        specversion="1.0",
        type="auth0.trigger.post_login",
        source="urn:auth0:acme.example.com",
        id="ce_1",
        time=TIME,
        data=event_object() if data is None else data,
    )


def user_created(**attributes: Any) -> dict[str, Any]:
    """Event Streams' CloudEvent of a registration."""
    context = {
        "client": {"id": "web", "name": "Web"},
        "connection": {"id": "con_1", "name": "users", "strategy": "auth0"},
        "request": {"hostname": "login.example.com", "user_agent": "curl/8", "geo": {"country_code": "DE"}},
        "tenant": {"id": "ten_1"},
    }
    data = {"object": {"user_id": "auth0|1", "email": EMAIL}, "context": context}
    return cloud_event(**{"type": "user.created", "a0tenant": "acme", "a0stream": "est_1", "data": data} | attributes)


def log_event(**fields: Any) -> dict[str, Any]:
    """A tenant log event of a login, bare."""
    return _with(
        fields,
        log_id="log_1",
        date=TIME,
        type="s",
        tenant_name="acme",
        user_id="auth0|1",
        user_name=EMAIL,
        client_id="web",
        client_name="Web",
        connection_id="con_1",
        connection="users",
        strategy="auth0",
        organization_id="org_1",
        organization_name="acme",
        hostname="login.example.com",
        user_agent="curl/8",
        ip="192.0.2.1",
        details={"stats": {"loginsCount": 3}},
    )


def _with(changes: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {name: value for name, value in (members | changes).items() if value is not ABSENT}
