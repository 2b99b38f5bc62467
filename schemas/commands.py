"""Commands: the `api` calls that handlers made."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from schemas.base import WireModel
from schemas.text import Id, Time
from schemas.vocabulary import TriggerName


class Command(WireModel):
    """One call."""

    handler: Id = Field(description="The name of the handler that called.")
    method: Id = Field(description="The Actions name of the method under `api`: `idToken.setCustomClaim`.")
    args: list[Any] = Field(description="The positional arguments as JavaScript takes them.")


class Commands(WireModel):
    """All calls of an event's handlers, in the order they were made; events without calls have no record."""

    event_id: Id = Field(description="The input's id; without one its place.")
    trigger: TriggerName
    occurred_at: Time | None = Field(description="The event's time as it came (RFC 3339); null: not known.")
    tenant_id: str | None
    user_id: str | None
    experiment_id: Id | None = Field(description="Null, with `variation_id`: no experiment applies.")
    variation_id: Id | None
    commands: list[Command] = Field(min_length=1)
