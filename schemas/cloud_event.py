"""CloudEvents 1.0, structured (the attributes are in the value) or binary (they are headers)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from schemas.base import WireModel
from schemas.event import Connection, Event, User
from schemas.text import Id, Time

TriggerType = Literal[
    "auth0.trigger.post_login", "auth0.trigger.pre_user_registration", "auth0.trigger.post_user_registration"
]
UserCreatedType = Literal["user.created"]


class CloudEvent(WireModel):
    """The attributes that the worker reads (CloudEvents 1.0, section 3.1). Events of other types are skipped."""

    specversion: Any = Field(description="Its presence marks a CloudEvent; `1.0`.")
    type: str
    source: str | None = Field(None, description="Together with `id` what makes the event's records unique.")
    id: Id | None = Field(None, description="Absent or null: the record's place stands in.")
    time: Time | None = Field(None, description="RFC 3339. Absent or null: the record's timestamp stands in.")


class TriggerCloudEvent(CloudEvent):
    """A trigger event as a CloudEvent; `data` is the event object."""

    type: TriggerType
    data: Event


class UserCreatedClient(WireModel):
    """The application; `client_id` wins over `id`."""

    id: str | None = None
    client_id: str | None = None


class UserCreatedRequest(WireModel):
    """The request that made the user."""

    hostname: str | None = None
    user_agent: str | None = None
    query: dict[str, Any] | None = None
    geo: dict[str, Any] | None = Field(
        None, description="Segments see `country_code` and `subdivision_code`; other names pass through."
    )


class UserCreatedContext(WireModel):
    """Where the user was created."""

    client: UserCreatedClient | None = None
    connection: Connection | None = None
    request: UserCreatedRequest | None = None


class UserCreatedData(WireModel):
    """What Event Streams tell of a new user; an `experiment` that comes in is replaced."""

    object: User
    context: UserCreatedContext | None = None


class UserCreated(CloudEvent):
    """Event Streams' `user.created`, read as `post_user_registration`."""

    type: UserCreatedType
    data: UserCreatedData
    a0tenant: str | None = Field(None, description="The tenant.")


class BinaryCloudEventHeaders(WireModel):
    """The Kafka headers of a CloudEvent in binary mode, as UTF-8 text; `data` is the record's value."""

    ce_specversion: str = Field(description="Its presence marks a CloudEvent in binary mode; `1.0`.")
    ce_type: TriggerType | UserCreatedType
    ce_source: str | None = None
    ce_id: Id | None = None
    ce_time: Time | None = None
    ce_a0tenant: str | None = Field(None, description="The tenant of `user.created`.")
