"""Tenant log events, bare or wrapped as log streams send them (`{"log_id", "data"}`): sign-ins and sign-ups.

They carry no query and no geography: overrides and country segments can't apply.
"""

from __future__ import annotations

from typing import Any

from worker.formats.event import fields_of, make_trigger
from worker.formats.fields import event_id, event_time, invalid, text
from worker.records import Record, Skipped
from worker.trigger import Path, Trigger, TriggerKind

_KINDS: dict[str, TriggerKind] = {"s": "post_login", "ss": "post_user_registration"}
_MARKS = ("log_id", "date", "tenant_name", "_id")


def recognises(document: dict[str, Any]) -> bool:
    """Tell whether this is a log event, wrapped (`log_id` and `data`) or bare (`type` and a field every log has)."""
    if "log_id" in document and "data" in document:
        return True
    return "type" in document and any(mark in document for mark in _MARKS)


def read(document: dict[str, Any], record: Record) -> Trigger | Skipped:
    """Read a log event; types other than `s` and `ss` are skipped."""
    wrapped = "data" in document and "type" not in document
    log = document.get("data") if wrapped else document
    if type(log) is not dict:
        raise invalid("data", log, "an object")
    name = log.get("type")
    if type(name) is not str:
        raise invalid("type", name, "a string")
    kind = _KINDS.get(name)
    if kind is None:
        return Skipped(f"log:{name[:64]}")
    details = log.get("details")
    if details is not None and type(details) is not dict:
        raise invalid("details", details, "an object")
    path: Path = ("data", "details") if wrapped else ("details",)
    event = _event(log)
    return make_trigger(
        fields_of(event),
        kind,
        event,
        id_=event_id(document if document.get("log_id") is not None else log, "log_id", record),
        time=event_time(log, "date", record),
        path=path,
        segment_in_context=True,
    )


def _event(log: dict[str, Any]) -> dict[str, Any]:
    """Return the event object that the log event tells of."""
    name = text(log, "user_name", "")
    return {
        "tenant": {"id": log.get("tenant_name")},
        "user": {
            "user_id": log.get("user_id"),
            "email": name if name and "@" in name else None,
            "username": name if name and "@" not in name else None,
        },
        "client": {"client_id": log.get("client_id"), "name": log.get("client_name")},
        "connection": {
            "id": log.get("connection_id"),
            "name": log.get("connection"),
            "strategy": log.get("strategy"),
        },
        "organization": {"id": log.get("organization_id"), "name": log.get("organization_name")},
        "request": {
            "hostname": log.get("hostname"),
            "ip": log.get("ip"),
            "user_agent": log.get("user_agent"),
        },
    }
