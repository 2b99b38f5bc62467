"""Commands: the `api` calls that handlers made."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from schemas.base import WireModel
from schemas.vocabulary import TriggerName


class Command(WireModel):
    """One call; `method` is the Actions name (`idToken.setCustomClaim`), `args` its positional JavaScript arguments."""

    handler: str
    method: str
    args: list[Any]


class Commands(WireModel):
    """All calls of an event's handlers, in the order they were made; events without calls have no record."""

    event_id: str
    trigger: TriggerName
    occurred_at: str | None
    tenant_id: str | None
    user_id: str | None
    experiment_id: str | None
    variation_id: str | None
    commands: list[Command] = Field(min_length=1)
