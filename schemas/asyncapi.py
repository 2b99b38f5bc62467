"""The AsyncAPI 3 document: the topics, what they carry, and what the worker does with them.

AsyncAPI's own schema dialect is older than 2020-12 (a superset of JSON Schema draft 07), so the schemas are rewritten
into it; each message names the `$id` of the 2020-12 one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from schemas.catalogue import CONTRACTS, Contract, schema_of

Document = dict[str, Any]
Examples = Mapping[str, Document]
"""For each message an object with its `payload`, and its `headers` if it has any."""

_BINDING = "0.5.0"  # of Kafka's bindings
_JSON = "application/json"
_DEFS = "#/$defs/"
_SUBJECT_KEY = {"type": "string", "description": "The subject's HMAC in hex; of an event without one the input's key."}
_ASSIGNMENT_KEY = {"type": "string", "description": "`tenant|experiment|subject`; the tenant may be empty."}
_INPUT_KEY = {"description": "Any bytes, or none: the worker does not rely on it."}


class Channel(NamedTuple):
    """One kind of topic; `messages` are the records' names, with the name of their headers' schema or None."""

    title: str
    description: str
    messages: tuple[tuple[str, str | None], ...]
    key: Document


CHANNELS: Mapping[str, Channel] = {
    "triggers": Channel(
        "Trigger events",
        "Logins and registrations, all formats mixed; they are told apart by their content.",
        (
            ("trigger-event", None),
            ("trigger-cloud-event", None),
            ("user-created", None),
            ("event-data", "binary-cloud-event-headers"),
            ("user-created-data", "binary-cloud-event-headers"),
            ("tenant-log-event", None),
            ("wrapped-tenant-log-event", None),
        ),
        _INPUT_KEY,
    ),
    "enriched": Channel(
        "Enriched events",
        "The inputs with their experiment context set; nothing else of their bytes is changed.",
        (
            ("enriched-trigger-event", "output-headers"),
            ("enriched-trigger-cloud-event", "output-headers"),
            ("enriched-user-created", "output-headers"),
            ("enriched-event-data", "output-headers"),
            ("enriched-user-created-data", "output-headers"),
            ("enriched-tenant-log-event", "output-headers"),
            ("enriched-wrapped-tenant-log-event", "output-headers"),
        ),
        _SUBJECT_KEY,
    ),
    "exposures": Channel(
        "Exposures", "Who was given which variation, and why.", (("exposure", "output-headers"),), _SUBJECT_KEY
    ),
    "enrollments": Channel(
        "Enrollments", "The webhooks that handlers asked for.", (("enrollment", "output-headers"),), _SUBJECT_KEY
    ),
    "commands": Channel(
        "Commands", "The `api` calls that handlers made.", (("commands", "output-headers"),), _SUBJECT_KEY
    ),
    "assignments": Channel(
        "Assignments",
        "The store's records, compacted: from these the store can be rebuilt.",
        (("assignment", "output-headers"),),
        _ASSIGNMENT_KEY,
    ),
    "erasures": Channel(
        "Erasures",
        "Who was erased on request, compacted: what a restore leaves out. Written by `forget`.",
        (("erasure", None),),
        {"type": "string", "description": "The subject's hash."},
    ),
    "dead_letters": Channel(
        "Dead letters",
        "Inputs that could not be processed: key, value and headers as they were, and `error.*` headers.",
        (("dead-letter-value", "dead-letter-headers"), ("oversize-input", "dead-letter-headers")),
        {"description": "The input's key."},
    ),
    "redriven": Channel(
        "Redriven dead letters",
        "Which dead letters were sent back, compacted: no redrive sends them again. Written by `dlq redrive`.",
        (("redriven", None),),
        {"type": "string", "description": "The letter's place, `<partition>/<offset>`."},
    ),
    "retries": Channel(
        "Retried enrollments",
        "Enrollments that `deliver` tries again, in partitions by how long they wait. Read and written by it alone.",
        (("retried-enrollment", "retry-headers"),),
        _SUBJECT_KEY,
    ),
    "endpoints": Channel(
        "Endpoints",
        "Which endpoints of webhooks are disabled, compacted. Written by `deliver` and `webhooks`.",
        (("endpoint-state", None),),
        {"type": "string", "description": "The endpoint's name."},
    ),
    "enrollments_dead_letters": Channel(
        "Undelivered enrollments",
        "Enrollments that `deliver` gave up: key, value and headers as they were, and `error.*` headers.",
        (("undelivered-enrollment", "delivery-dead-letter-headers"),),
        _SUBJECT_KEY,
    ),
}
_COMPACTED = frozenset({"assignments", "erasures", "redriven", "endpoints"})
_RETRY_TIERS = 4
_DEAD_LETTER_VALUE = {
    "title": "DeadLetterValue",
    "description": "The input's value, byte for byte: whatever it was, often no JSON.",
}
_BYTES = "application/octet-stream"


class Topics(NamedTuple):
    """The topics as the settings have them: names by channel (an empty one is not written), and how they are made."""

    names: Mapping[str, str]
    partitions: int
    replicas: int
    group_id: str


def asyncapi(topics: Topics, examples: Examples, version: str) -> Document:
    """Return the document of a worker with these topics; `version` is the worker's."""
    used = {name: channel for name, channel in CHANNELS.items() if topics.names.get(name)}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:experiment-worker",
        "info": {
            "title": "experiment-worker",
            "version": version,
            "description": "Experiments on the stream of authentication events. All outputs of an input are written in"
            " one transaction: read them with `isolation.level=read_committed`. Records may get new fields: ignore"
            " those you don't know.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": "experiments"}],
        },
        "defaultContentType": _JSON,
        "channels": {_camel(name): _channel(name, channel, topics) for name, channel in used.items()},
        "operations": {_operation_name(name): _operation(name, channel, topics) for name, channel in used.items()},
        "components": {
            "messages": {
                _camel(message): _message(message, headers, name, channel, examples)
                for name, channel in used.items()
                for message, headers in channel.messages
            },
            "schemas": dict(_schemas(used)),
        },
    }


def _channel(name: str, channel: Channel, topics: Topics) -> Document:
    partitions = topics.partitions * (_RETRY_TIERS if name == "retries" else 1)
    kafka: Document = {"topic": topics.names[name], "partitions": partitions, "replicas": topics.replicas}
    kafka["topicConfiguration"] = {"cleanup.policy": ["compact" if name in _COMPACTED else "delete"]}
    return {
        "address": topics.names[name],
        "title": channel.title,
        "description": channel.description,
        "messages": {
            _camel(message): {"$ref": f"#/components/messages/{_camel(message)}"} for message, _ in channel.messages
        },
        "bindings": {"kafka": kafka | {"bindingVersion": _BINDING}},
    }


def _operation_name(name: str) -> str:
    return _camel(f"{_action(name)}_{name}")


def _action(name: str) -> str:
    return "receive" if name == "triggers" else "send"


def _operation(name: str, channel: Channel, topics: Topics) -> Document:
    place = f"#/channels/{_camel(name)}"
    found: Document = {
        "action": _action(name),
        "channel": {"$ref": place},
        "title": f"{'Read' if name == 'triggers' else 'Write'} {channel.title.lower()}",
        "messages": [{"$ref": f"{place}/messages/{_camel(message)}"} for message, _ in channel.messages],
    }
    if name == "triggers":
        group = {"type": "string", "enum": [topics.group_id]}
        found["bindings"] = {"kafka": {"groupId": group, "bindingVersion": _BINDING}}
    return found


def _message(name: str, headers: str | None, channel_name: str, channel: Channel, examples: Examples) -> Document:
    contract = _BY_NAME.get(name)
    example = examples.get(name)
    found: Document = {
        "name": name,
        "title": " ".join(name.split("-")).capitalize(),
        "contentType": _JSON if contract else _BYTES,
        "payload": {"$ref": f"#/components/schemas/{_camel(name)}"},
        "bindings": {"kafka": {"key": channel.key, "bindingVersion": _BINDING}},
    }
    if contract is not None:
        found["x-schema-id"] = contract.id
    if headers is not None:
        found["headers"] = _headers(headers, channel_name)
    if example is not None:
        found["examples"] = [{"name": name, **example}]
    return found


def _headers(name: str, channel_name: str) -> Document:
    """Return a message's headers; those of outputs name the channel in `ce_type`."""
    reference = {"$ref": f"#/components/schemas/{_camel(name)}"}
    if name != "output-headers":
        return reference
    kind = {"type": "string", "const": f"experiment-worker.{channel_name}"}
    return {"type": "object", "allOf": [reference, {"properties": {"ce_type": kind}}]}


def _schemas(used: Mapping[str, Channel]) -> Iterator[tuple[str, Document]]:
    """Yield what the messages refer to, and what that refers to, once each."""
    wanted = {name for channel in used.values() for message in channel.messages for name in message if name}
    if "dead-letter-value" in wanted:
        yield "deadLetterValue", _DEAD_LETTER_VALUE
    for contract in CONTRACTS:
        if contract.name not in wanted:
            continue
        schema = schema_of(contract)
        yield from ((name, _draft_07(inner)) for name, inner in schema.pop("$defs", {}).items())
        del schema["$schema"], schema["$id"]
        yield _camel(contract.name), _draft_07(schema)


def _draft_07(schema: Any) -> Any:
    """Return a schema in AsyncAPI's dialect: there, what stands beside a `$ref` is ignored."""
    if isinstance(schema, list):
        return [_draft_07(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _draft_07(value) for name, value in schema.items()}
    reference = found.get("$ref")
    if not isinstance(reference, str):
        return found
    found["$ref"] = "#/components/schemas/" + reference.removeprefix(_DEFS)
    return found if len(found) == 1 else {"allOf": [{"$ref": found.pop("$ref")}], **found}


def _camel(name: str) -> str:
    first, *rest = name.replace("-", "_").split("_")
    return first + "".join(part.capitalize() for part in rest)


_BY_NAME: Mapping[str, Contract] = {contract.name: contract for contract in CONTRACTS}
