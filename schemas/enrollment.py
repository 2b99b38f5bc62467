"""Enrollments: the webhooks that handlers asked for."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from schemas.base import WireModel
from schemas.text import DerivedId, Id, Time


class Enrollment(WireModel):
    """One webhook to send."""

    enrollment_id: DerivedId = Field(
        description="Derived from the event and the order of the calls (UUIDv5); also the webhook id."
    )
    event_id: Id = Field(description="The input's id; without one its place.")
    occurred_at: Time | None = Field(description="The event's time as it came (RFC 3339); null: not known.")
    tenant_id: str | None
    user_id: str | None
    experiment_id: Id | None = Field(description="Null, with `variation_id`: no experiment applies.")
    variation_id: Id | None
    endpoint: Id = Field(description="The name of a configured endpoint, or an https URL.")
    payload: dict[str, Any] = Field(description="The body to send, exactly as the handler gave it.")


class RetriedEnrollment(Enrollment):
    """An enrollment that is to be tried again, as it was written; when, its headers say."""


class UndeliveredEnrollment(Enrollment):
    """An enrollment that was given up, as it was written; one that is none at all stands as its bytes."""
