"""Tenant log events."""

from __future__ import annotations

from typing import Any

from schemas.base import WireModel
from schemas.context import LogExperimentContext


class LogDetails(WireModel):
    """Details of a log event; the worker puts the context here."""

    experiment: LogExperimentContext | None = None


class TenantLogEvent(WireModel):
    """A log event: `s` is a login, `ss` a registration; others are skipped.

    `user_name` is an e-mail address if it has an `@`, else a user name.
    """

    type: str
    log_id: str | None = None
    date: str | None = None
    tenant_name: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    client_id: str | None = None
    client_name: str | None = None
    connection: str | None = None
    connection_id: str | None = None
    strategy: str | None = None
    organization_id: str | None = None
    organization_name: str | None = None
    hostname: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    details: LogDetails | None = None


class WrappedTenantLogEvent(WireModel):
    """A log event as log streams send it."""

    log_id: str | None = None
    data: dict[str, Any] | TenantLogEvent
