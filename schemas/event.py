"""The event object of the Actions reference, as far as a decision reads it."""

from __future__ import annotations

from typing import Any

from schemas.base import WireModel
from schemas.context import ExperimentContext


class Tenant(WireModel):
    """The tenant in which the event happened."""

    id: str | None = None


class User(WireModel):
    """Who logs in or registers; `user_id` is absent before registration."""

    user_id: str | None = None
    email: str | None = None
    phone_number: str | None = None
    username: str | None = None


class Client(WireModel):
    """The application."""

    client_id: str | None = None
    name: str | None = None


class Connection(WireModel):
    """Where the identity comes from."""

    id: str | None = None
    name: str | None = None
    strategy: str | None = None


class Organization(WireModel):
    """The organisation that the user logs in to."""

    id: str | None = None
    name: str | None = None


class Request(WireModel):
    """The request that started the flow; `query` may carry overrides."""

    hostname: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    query: dict[str, Any] | None = None
    geoip: dict[str, Any] | None = None


class Event(WireModel):
    """The event object; `experiment` is there once the worker has enriched it."""

    tenant: Tenant | None = None
    user: User | None = None
    client: Client | None = None
    connection: Connection | None = None
    organization: Organization | None = None
    request: Request | None = None
    experiment: ExperimentContext | None = None
