"""Which endpoints of webhooks may be used, so that all deliverers know."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.base import WireModel
from schemas.text import Id, Time


class EndpointState(WireModel):
    """Whether an endpoint may be used, keyed by its name on a compacted topic; the last record counts."""

    endpoint: Id = Field(description="Its name; of a URL its origin.")
    state: Literal["enabled", "disabled"]
    reason: str = Field(description="Who changed it, or why.")
    changed_at: Time = Field(description="When it was changed (RFC 3339, UTC).")
