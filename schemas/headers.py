"""The Kafka headers that the worker writes, as UTF-8 text."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from schemas.base import WireModel
from schemas.text import DerivedId, Digits, Milliseconds, Time
from schemas.vocabulary import DeadLetterReason, DeliveryReason, RetryReason, Stage, TriggerName


class OutputHeaders(WireModel):
    """The headers of every output: attributes of a CloudEvent in binary mode, and where it comes from."""

    content_type: Literal["application/json"] = Field(alias="content-type")
    ce_specversion: Literal["1.0"]
    ce_source: Literal["experiment-worker"]
    ce_type: Literal[
        "experiment-worker.enriched",
        "experiment-worker.exposures",
        "experiment-worker.enrollments",
        "experiment-worker.commands",
        "experiment-worker.assignments",
    ]
    source: str = Field(description="The input's place, `<topic>/<partition>/<offset>`.")
    ce_id: DerivedId = Field(description="Derived from the event: a record processed twice has the same id.")
    ce_time: Time | SkipJsonSchema[None] = Field(None, description="The event's time as it came, if it is known.")
    traceparent: str | SkipJsonSchema[None] = Field(None, description="The input's, if it has one.")
    tracestate: str | SkipJsonSchema[None] = Field(None, description="The input's, if it has one.")
    ce_trigger: TriggerName | SkipJsonSchema[None] = Field(
        None, description="The trigger, where the input was a CloudEvent in binary mode."
    )


class DeadLetterHeaders(WireModel):
    """What a dead letter has beside the input's own headers (left out where they would not fit the topic)."""

    error_reason: DeadLetterReason = Field(alias="error.reason")
    error_message: str = Field(
        alias="error.message", max_length=1024, description="What was found and what was expected."
    )
    error_source: str = Field(alias="error.source", description="The input's place, `<topic>/<partition>/<offset>`.")
    error_stage: Stage = Field(alias="error.stage", description="How far the input came.")
    error_time: Time = Field(alias="error.time", description="When it was given up (RFC 3339, UTC).")
    error_timestamp: Milliseconds | SkipJsonSchema[None] = Field(
        None, alias="error.timestamp", description="The input's timestamp, ms since the epoch."
    )


class RetryHeaders(WireModel):
    """What an enrollment that is to be tried again has beside its own headers."""

    delivery_source: str = Field(
        alias="delivery.source", description="Where it first stood, `<topic>/<partition>/<offset>`."
    )
    delivery_since: Milliseconds = Field(alias="delivery.since", description="When it first came, ms since the epoch.")
    delivery_attempts: Digits = Field(alias="delivery.attempts", description="How many attempts were made.")
    delivery_due: Milliseconds = Field(alias="delivery.due", description="When to try again, ms since the epoch.")
    delivery_until: Milliseconds = Field(
        alias="delivery.until", description="How long it waits in this tier, ms since the epoch."
    )
    delivery_reason: RetryReason = Field(alias="delivery.reason", description="What came of the last attempt.")


class DeliveryDeadLetterHeaders(WireModel):
    """What an enrollment that was given up has beside its own headers."""

    error_reason: DeliveryReason = Field(alias="error.reason")
    error_message: str = Field(
        alias="error.message", max_length=1024, description="What was found and what was expected."
    )
    error_source: str = Field(alias="error.source", description="Where it first stood, `<topic>/<partition>/<offset>`.")
    error_stage: Literal["deliver"] = Field(alias="error.stage")
    error_time: Time = Field(alias="error.time", description="When it was given up (RFC 3339, UTC).")
    error_timestamp: Milliseconds = Field(
        alias="error.timestamp", description="When it first came, ms since the epoch."
    )
