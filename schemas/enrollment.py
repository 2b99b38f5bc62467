"""Enrollments: the webhooks that handlers asked for."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from schemas.base import WireModel


class Enrollment(WireModel):
    """One webhook to send; `payload` is the body exactly as the handler gave it."""

    enrollment_id: str = Field(description="Derived from the event and the order of the calls; also the webhook id.")
    event_id: str
    occurred_at: str | None
    tenant_id: str | None
    user_id: str | None
    experiment_id: str | None
    variation_id: str | None
    endpoint: str = Field(description="The name of a configured endpoint, or an https URL.")
    payload: Any
