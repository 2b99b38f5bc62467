"""Enriched events: an input of any format with its experiment context set, everything else as it came."""

from __future__ import annotations

from schemas.cloud_event import TriggerCloudEvent, UserCreated, UserCreatedData
from schemas.context import ExperimentContext, LogExperimentContext
from schemas.event import Event
from schemas.tenant_log import LogDetails, TenantLogEvent, WrappedTenantLogEvent
from schemas.trigger_event import TriggerEvent


class EnrichedEvent(Event):
    """The event object; `experiment` is null where no experiment applies.

    Alone it is the value of an input that was a CloudEvent in binary mode; the header `ce_trigger` names its trigger.
    """

    experiment: ExperimentContext | None


class EnrichedTriggerEvent(TriggerEvent):
    """A native trigger event with its context."""

    event: EnrichedEvent


class EnrichedCloudEvent(TriggerCloudEvent):
    """A trigger event as a CloudEvent, with its context."""

    data: EnrichedEvent


class EnrichedUserCreatedData(UserCreatedData):
    """What Event Streams tell of a new user, with its context."""

    experiment: ExperimentContext | None


class EnrichedUserCreated(UserCreated):
    """Event Streams' `user.created` with its context."""

    data: EnrichedUserCreatedData


class EnrichedLogDetails(LogDetails):
    """Details of a log event with the context, which names the segment too."""

    experiment: LogExperimentContext | None


class EnrichedTenantLogEvent(TenantLogEvent):
    """A tenant log event with its context."""

    details: EnrichedLogDetails


class EnrichedWrappedTenantLogEvent(WrappedTenantLogEvent):
    """A wrapped tenant log event with its context."""

    data: EnrichedTenantLogEvent


Enriched = (
    EnrichedTriggerEvent
    | EnrichedCloudEvent
    | EnrichedUserCreated
    | EnrichedTenantLogEvent
    | EnrichedWrappedTenantLogEvent
    | EnrichedEvent
)
