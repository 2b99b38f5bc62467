"""Every record that crosses a wire, and its JSON Schema.

All records are open but for the rules of segments: a later version may add fields, so readers must ignore those that
they don't know. What a record promises is what its schema says of the fields that it does know.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from schemas.assignment import Assignment
from schemas.cloud_event import BinaryCloudEventHeaders, TriggerCloudEvent, UserCreated, UserCreatedData
from schemas.commands import Commands
from schemas.dead_letter import DeadLetter, OversizeInput
from schemas.definitions import DefinitionsFile
from schemas.endpoint_state import EndpointState
from schemas.enriched import (
    EnrichedEvent,
    EnrichedTenantLogEvent,
    EnrichedTriggerCloudEvent,
    EnrichedTriggerEvent,
    EnrichedUserCreated,
    EnrichedUserCreatedData,
    EnrichedWrappedTenantLogEvent,
)
from schemas.enrollment import Enrollment, RetriedEnrollment, UndeliveredEnrollment
from schemas.erasure import Erasure
from schemas.event import Event
from schemas.exposure import Exposure
from schemas.headers import DeadLetterHeaders, DeliveryDeadLetterHeaders, OutputHeaders, RetryHeaders
from schemas.redriven import Redriven
from schemas.summary import Summary
from schemas.tenant_log import TenantLogEvent, WrappedTenantLogEvent
from schemas.trigger_event import TriggerEvent

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Direction = Literal["input", "output"]

_OPEN: dict[Direction, str] = {
    "input": "Fields that are not described here may be there; the worker keeps them.",
    "output": "A later version may add fields: ignore those that you don't know.",
}


class Contract(NamedTuple):
    """One record: what it is called, its model, and whether the worker reads or writes it.

    `version` is the last part of the schema's id: one more when old readers can't read the record any more.
    """

    name: str
    model: type[BaseModel]
    direction: Direction
    version: int = 1

    @property
    def id(self) -> str:
        """The schema's `$id`."""
        return f"urn:experiment-worker:schemas:{self.name}:{self.version}"

    @property
    def file(self) -> str:
        """The name of the schema's file."""
        return f"{self.name}.schema.json"


CONTRACTS = (
    Contract("trigger-event", TriggerEvent, "input"),
    Contract("trigger-cloud-event", TriggerCloudEvent, "input"),
    Contract("user-created", UserCreated, "input"),
    Contract("event-data", Event, "input"),
    Contract("user-created-data", UserCreatedData, "input"),
    Contract("binary-cloud-event-headers", BinaryCloudEventHeaders, "input"),
    Contract("tenant-log-event", TenantLogEvent, "input"),
    Contract("wrapped-tenant-log-event", WrappedTenantLogEvent, "input"),
    Contract("definitions", DefinitionsFile, "input"),
    Contract("enriched-trigger-event", EnrichedTriggerEvent, "output"),
    Contract("enriched-trigger-cloud-event", EnrichedTriggerCloudEvent, "output"),
    Contract("enriched-user-created", EnrichedUserCreated, "output"),
    Contract("enriched-event-data", EnrichedEvent, "output"),
    Contract("enriched-user-created-data", EnrichedUserCreatedData, "output"),
    Contract("enriched-tenant-log-event", EnrichedTenantLogEvent, "output"),
    Contract("enriched-wrapped-tenant-log-event", EnrichedWrappedTenantLogEvent, "output"),
    Contract("exposure", Exposure, "output"),
    Contract("enrollment", Enrollment, "output"),
    Contract("commands", Commands, "output"),
    Contract("assignment", Assignment, "output"),
    Contract("erasure", Erasure, "output"),
    Contract("output-headers", OutputHeaders, "output"),
    Contract("dead-letter", DeadLetter, "output"),
    Contract("dead-letter-headers", DeadLetterHeaders, "output"),
    Contract("oversize-input", OversizeInput, "output"),
    Contract("redriven", Redriven, "output"),
    Contract("retried-enrollment", RetriedEnrollment, "output"),
    Contract("retry-headers", RetryHeaders, "output"),
    Contract("endpoint-state", EndpointState, "output"),
    Contract("undelivered-enrollment", UndeliveredEnrollment, "output"),
    Contract("delivery-dead-letter-headers", DeliveryDeadLetterHeaders, "output"),
    Contract("summary", Summary, "output"),
)


class _Generator(GenerateJsonSchema):
    """Leaves out what repeats the fields' names, and defaults that say no more than that a field may be absent."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        found = super().default_schema(schema)
        return {name: value for name, value in found.items() if name != "default" or value is not None}


def schema_of(contract: Contract) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a record, whole in itself."""
    found = contract.model.model_json_schema(schema_generator=_Generator)
    definitions = found.pop("$defs", None)
    head = {"$schema": DIALECT, "$id": contract.id, "$comment": _OPEN[contract.direction], "title": found.pop("title")}
    tail = {} if definitions is None else {"$defs": definitions}
    whole: dict[str, Any] = _on_one_line(head | found | tail)
    return whole


def _on_one_line(schema: Any) -> Any:
    """Return the schema with the line breaks of docstrings taken out of its descriptions."""
    if isinstance(schema, list):
        return [_on_one_line(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: " ".join(value.split()) if name == "description" and isinstance(value, str) else _on_one_line(value)
        for name, value in schema.items()
    }
