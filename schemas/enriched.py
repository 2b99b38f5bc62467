"""Enriched events: the inputs, byte for byte, with the experiment context in its place."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from schemas.base import WireModel
from schemas.cloud_event import TriggerCloudEvent, UserCreated, UserCreatedData
from schemas.context import ExperimentContext, LogExperimentContext
from schemas.event import Event
from schemas.tenant_log import LogFields
from schemas.trigger_event import TriggerEvent

_CONTEXT = "The experiment that applies; null: none does."

LogType = Literal["s", "ss"]


class EnrichedEvent(Event):
    """The event object with its context.

    On its own it is the value of a CloudEvent in binary mode, whose trigger stands in the header `ce_trigger`.
    """

    experiment: ExperimentContext | None = Field(description=_CONTEXT)


class EnrichedTriggerEvent(TriggerEvent):
    """A native trigger event with its context."""

    event: EnrichedEvent


class EnrichedTriggerCloudEvent(TriggerCloudEvent):
    """A structured CloudEvent of a trigger with its context."""

    data: EnrichedEvent


class EnrichedUserCreatedData(UserCreatedData):
    """The data of `user.created` with its context: on its own the value of one in binary mode."""

    experiment: ExperimentContext | None = Field(description=_CONTEXT)


class EnrichedUserCreated(UserCreated):
    """Event Streams' `user.created` with its context."""

    data: EnrichedUserCreatedData


class EnrichedLogDetails(WireModel):
    """Details of a log event with its context."""

    experiment: LogExperimentContext | None = Field(description=_CONTEXT)


class EnrichedTenantLogFields(LogFields):
    """A log event with its context."""

    type: LogType
    details: EnrichedLogDetails


class EnrichedTenantLogEvent(EnrichedTenantLogFields):
    """A bare log event with its context; `details` is made if there was none."""


class EnrichedWrappedTenantLogEvent(WireModel):
    """A log event as log streams send it, with its context."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["type"]}})

    log_id: str | None
    data: EnrichedTenantLogFields
