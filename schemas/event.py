"""The event object of the Actions reference, as far as the worker reads it.

What is declared here is checked; every other field of the reference is passed on as it came, unchecked.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from schemas.base import WireModel


class Tenant(WireModel):
    """The tenant in which the event happened."""

    id: str | None = Field(None, description="Absent, null or empty: served by definitions without a tenant.")


class User(WireModel):
    """Who logs in or registers. Any one of these identifies the person."""

    user_id: str | None = Field(None, description="Absent before registration.")
    email: str | None = None
    phone_number: str | None = None
    username: str | None = None


class Client(WireModel):
    """The application."""

    client_id: str | None = None


class Connection(WireModel):
    """Where the identity comes from."""

    name: str | None = None
    strategy: str | None = None


class Organization(WireModel):
    """The organisation that the user logs in to."""

    id: str | None = None


class Request(WireModel):
    """The request that started the flow."""

    hostname: str | None = None
    user_agent: str | None = None
    query: dict[str, Any] | None = Field(
        None, description="May override the decision: `experiment_id`, `variation_id`, `segment_id`."
    )
    geoip: dict[str, Any] | None = Field(None, description="Segments see `countryCode` and `subdivisionCode`.")


class Event(WireModel):
    """The event object of a trigger; an `experiment` that comes in is replaced."""

    tenant: Tenant | None = None
    user: User | None = None
    client: Client | None = None
    connection: Connection | None = None
    organization: Organization | None = None
    request: Request | None = None
