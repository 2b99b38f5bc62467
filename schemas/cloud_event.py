"""CloudEvents 1.0 in structured mode."""

from __future__ import annotations

from typing import Any, Literal

from schemas.base import WireModel
from schemas.context import ExperimentContext
from schemas.event import Event


class CloudEvent(WireModel):
    """The attributes that every CloudEvent has (CloudEvents 1.0, section 3.1)."""

    specversion: str
    type: str
    source: str | None = None
    id: str | None = None
    time: str | None = None


class TriggerCloudEvent(CloudEvent):
    """A trigger event of type `auth0.trigger.<trigger>`; `data` is the event object."""

    data: Event


class UserCreatedData(WireModel):
    """What Event Streams tell of a new user; `context` has client, connection, request and tenant."""

    object: dict[str, Any]
    context: dict[str, Any] | None = None
    experiment: ExperimentContext | None = None


class UserCreated(CloudEvent):
    """Event Streams' `user.created`, read as `post_user_registration`; `a0tenant` is the tenant."""

    type: Literal["user.created"]
    data: UserCreatedData
    a0tenant: str | None = None
