"""Tenant log events. They carry no query and no geography: overrides and country segments can't apply to them."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from schemas.base import WireModel
from schemas.text import Id, Time


class LogFields(WireModel):
    """What the worker reads of a log event, beside its details."""

    type: str = Field(description="`s` is a login, `ss` a registration; other types are skipped.")
    log_id: Id | None = Field(None, description="Absent or null: the record's place stands in.")
    date: Time | None = Field(None, description="RFC 3339. Absent or null: the record's timestamp stands in.")
    tenant_name: str | None = None
    user_id: str | None = None
    user_name: str | None = Field(None, description="An e-mail address if it has an `@`, else a user name.")
    client_id: str | None = None
    connection: str | None = None
    strategy: str | None = None
    organization_id: str | None = None
    hostname: str | None = None
    user_agent: str | None = None


class TenantLogFields(LogFields):
    """What the worker reads of a log event."""

    details: dict[str, Any] | None = Field(
        None, description="Receives the context; an `experiment` that comes in is replaced."
    )


class TenantLogEvent(TenantLogFields):
    """A log event, bare: a `type` and one of the fields that mark a log event."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": [mark]} for mark in ("log_id", "date", "tenant_name", "_id")]}
    )


class WrappedTenantLogEvent(WireModel):
    """A log event as log streams send it. A `type` outside of `data` makes it a bare one."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["type"]}})

    log_id: Id | None = Field(description="Null: the one in `data`, or the record's place, stands in.")
    data: TenantLogFields
