"""All records that cross a wire, and their JSON Schemas (draft 2020-12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from schemas.assignment import Assignment
from schemas.cloud_event import TriggerCloudEvent, UserCreated
from schemas.commands import Commands
from schemas.dead_letter import DeadLetter
from schemas.definitions import DefinitionsFile
from schemas.enriched import Enriched
from schemas.enrollment import Enrollment
from schemas.exposure import Exposure
from schemas.summary import Summary
from schemas.tenant_log import TenantLogEvent, WrappedTenantLogEvent
from schemas.trigger_event import TriggerEvent

VERSION = 1
"""Of all schemas together; it changes with a change that a consumer could not bear."""

Trigger = TriggerEvent | TriggerCloudEvent | UserCreated | TenantLogEvent | WrappedTenantLogEvent

RECORDS: Mapping[str, Any] = {
    "trigger": Trigger,
    "enriched": Enriched,
    "exposure": Exposure,
    "enrollment": Enrollment,
    "commands": Commands,
    "assignment": Assignment,
    "dead_letter": DeadLetter,
    "summary": Summary,
    "definitions": DefinitionsFile,
}
"""What each schema describes, by its name."""

_TITLES = {
    "trigger": "An input: a trigger event, a CloudEvent or a tenant log event",
    "enriched": "An input with its experiment context",
    "exposure": "Who was given which variation, and why",
    "enrollment": "A webhook that a handler asked for",
    "commands": "The api calls of an event's handlers",
    "assignment": "A record of the store",
    "dead_letter": "A line of dead_letters.ndjson",
    "summary": "The summary of a replay",
    "definitions": "A definitions file",
}


class Untitled(GenerateJsonSchema):
    """Leaves out titles that only repeat the member's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - as pydantic calls it
        """Never."""
        return False


def json_schema(name: str) -> dict[str, Any]:
    """Return the schema of a record; every record may have more members than it declares."""
    found = TypeAdapter(RECORDS[name]).json_schema(schema_generator=Untitled)
    head = {"$schema": Untitled.schema_dialect, "$id": f"urn:experiment-worker:schema:{name}:{VERSION}"}
    return {**head, **found, "title": _TITLES[name]}
