"""The AsyncAPI 3 document: the topics, what is in them and who writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from schemas.catalog import RECORDS, VERSION, Untitled

_REF = "#/components/schemas/{model}"
_TEXT = {"type": "string"}
_CE_HEADERS = ("source", "content-type", "ce_id", "ce_source", "ce_type", "ce_specversion")
_OPTIONAL_HEADERS = ("ce_time", "traceparent", "tracestate")
_ERROR_HEADERS = ("error.reason", "error.message", "error.source", "error.stage", "error.time")


class Topic(NamedTuple):
    """A topic of the worker: what a record is, its key, and what the worker does with it."""

    record: str
    action: Literal["receive", "send"]
    summary: str
    key: str
    compacted: bool = False


TOPICS: Mapping[str, Topic] = {
    "triggers": Topic("trigger", "receive", "Logins and registrations, in any of the formats, mixed.", "Any."),
    "enriched": Topic("enriched", "send", "Every event with its experiment context.", "The subject, else the input's."),
    "exposures": Topic("exposure", "send", "Who was given which variation.", "The subject in hex."),
    "enrollments": Topic("enrollment", "send", "Webhooks to send.", "The subject in hex."),
    "commands": Topic("commands", "send", "What handlers asked the tenant to do.", "The subject in hex."),
    "assignments": Topic(
        "assignment",
        "send",
        "The store's records, and its truth.",
        "`tenant|experiment|subject`.",
        compacted=True,
    ),
    "dead_letters": Topic("", "send", "Inputs that could not be processed, byte for byte.", "The input's."),
}
"""The topics by their settings (`topics.<name>`)."""


def asyncapi(addresses: Mapping[str, str], version: str) -> dict[str, Any]:
    """Return the document for topics of those names; one that is empty is left out. `version` is the package's."""
    names = {setting: address for setting, address in addresses.items() if setting in TOPICS and address}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "experiment-worker",
            "version": version,
            "description": "A/B experiments on the stream of authentication events. Read the outputs with"
            " `isolation.level=read_committed`. New members may appear in any record.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {setting: _channel(setting, address) for setting, address in names.items()},
        "operations": {f"{TOPICS[setting].action}_{setting}": _operation(setting) for setting in names},
        "components": {"schemas": _schemas(), "messages": {setting: _message(setting) for setting in names}},
    }


def _channel(setting: str, address: str) -> dict[str, Any]:
    topic = TOPICS[setting]
    policy = "compact" if topic.compacted else "delete"
    return {
        "address": address,
        "title": setting,
        "description": topic.summary,
        "messages": {setting: {"$ref": f"#/components/messages/{setting}"}},
        "bindings": {"kafka": {"topicConfiguration": {"cleanup.policy": [policy]}, "bindingVersion": "0.5.0"}},
    }


def _operation(setting: str) -> dict[str, Any]:
    topic = TOPICS[setting]
    return {
        "action": topic.action,
        "summary": topic.summary,
        "channel": {"$ref": f"#/channels/{setting}"},
        "messages": [{"$ref": f"#/channels/{setting}/messages/{setting}"}],
    }


def _message(setting: str) -> dict[str, Any]:
    topic = TOPICS[setting]
    found: dict[str, Any] = {
        "name": f"experiment-worker.{setting}.{VERSION}",
        "title": setting,
        "summary": topic.summary,
        "contentType": "application/json" if topic.record else "application/octet-stream",
        "bindings": {"kafka": {"key": {**_TEXT, "description": topic.key}, "bindingVersion": "0.5.0"}},
    }
    if topic.record:
        found["payload"] = {"$ref": f"#/components/schemas/{topic.record}"}
    if topic.action == "send":
        found["headers"] = _headers(_CE_HEADERS if topic.record else _ERROR_HEADERS)
    return found


def _headers(required: tuple[str, ...]) -> dict[str, Any]:
    names = (*required, *_OPTIONAL_HEADERS) if required is _CE_HEADERS else (*required, "error.timestamp")
    return {"type": "object", "required": list(required), "properties": dict.fromkeys(names, _TEXT)}


def _schemas() -> dict[str, Any]:
    """Return the schemas of all records and of what they are made of, by name."""
    records = [topic.record for topic in TOPICS.values() if topic.record]
    adapters: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        (record, "validation", TypeAdapter(RECORDS[record])) for record in records
    ]
    found, below = TypeAdapter.json_schemas(adapters, ref_template=_REF, schema_generator=Untitled)
    return {**below.get("$defs", {}), **{record: schema for (record, _), schema in found.items()}}
