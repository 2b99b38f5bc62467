"""The AsyncAPI document is one: the official parser says so, and says so of nothing that is broken."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from jsonschema import Draft7Validator

from schemas.asyncapi import CHANNELS, Topics, asyncapi
from schemas.catalogue import CONTRACTS
from tests.schemas.checking import COMMITTED, FORMATS, VALIDATORS, wrongs
from worker.settings import Settings
from worker.streams.kafka.topic_needs import TOPIC_KINDS

PARSER = Path(__file__).parent.parent / "node" / "asyncapi.mjs"
DOCUMENT: dict[str, Any] = orjson.loads((COMMITTED / "asyncapi.json").read_bytes())
EXPECTED = {"asyncapi-latest-version"}  # viewers know 3.0 better than 3.1, which adds nothing that is used here


class Parsed(NamedTuple):
    """What the parser found: errors and warnings as lines, codes of lesser findings, and the channels' addresses."""

    wrong: list[str]
    remarks: set[str]
    channels: list[str] | None


def parsed(document: dict[str, Any]) -> Parsed:
    ended = subprocess.run(["node", PARSER], input=orjson.dumps(document), capture_output=True, check=True)  # noqa: S607 - the node on the PATH
    found = orjson.loads(ended.stdout)
    severe = [each for each in found["findings"] if each["severity"] in {"error", "warning"}]
    lesser = {each["code"] for each in found["findings"] if each not in severe}
    return Parsed(
        [f"{each['severity']}: {each['path']}: {each['message']}" for each in severe], lesser, found["channels"]
    )


def test_the_official_parser_finds_nothing_wrong_with_it() -> None:
    found = parsed(DOCUMENT)
    assert found.wrong == []
    assert found.remarks <= EXPECTED
    assert found.channels == [getattr(Settings().topics, kind) for kind in CHANNELS]


def test_it_is_one_for_the_least_topics_too() -> None:
    names = {kind: f"my.{kind}" for kind in CHANNELS if kind not in {"enriched", "commands"}}
    assert parsed(asyncapi(Topics(names, 1, 3, "g"), {}, "1.0.0")).wrong == []


def without_title(document: dict[str, Any]) -> None:
    del document["info"]["title"]


def dangling(document: dict[str, Any]) -> None:
    document["components"]["messages"]["exposure"]["payload"]["$ref"] = "#/components/schemas/exposed"


def of_another_action(document: dict[str, Any]) -> None:
    document["operations"]["receiveTriggers"]["action"] = "swallow"


def with_an_unknown_binding(document: dict[str, Any]) -> None:
    document["channels"]["exposures"]["bindings"]["kafka"]["partitions"] = "many"


@pytest.mark.parametrize("spoil", [without_title, dangling, of_another_action, with_an_unknown_binding])
def test_a_broken_document_is_found_out(spoil: Any) -> None:
    broken = deepcopy(DOCUMENT)
    spoil(broken)
    assert parsed(broken).wrong


def test_every_topic_has_its_channel() -> None:
    assert tuple(CHANNELS) == TOPIC_KINDS


def test_what_is_looked_up_by_key_is_compacted() -> None:
    kafka = {name: channel["bindings"]["kafka"] for name, channel in DOCUMENT["channels"].items()}
    policies = {name: binding["topicConfiguration"]["cleanup.policy"] for name, binding in kafka.items()}
    assert {name for name, policy in policies.items() if policy == ["compact"]} == {
        "assignments",
        "erasures",
        "redriven",
        "endpoints",
    }
    assert {name: binding["partitions"] for name, binding in kafka.items() if binding["partitions"] != 8} == {
        "retries": 32
    }


def test_every_message_of_the_worker_has_headers_and_names_its_schema() -> None:
    known = {contract.id for contract in CONTRACTS}
    for name, channel in DOCUMENT["channels"].items():
        for message in channel["messages"]:
            found = DOCUMENT["components"]["messages"][message]
            assert "headers" in found or name in {"triggers", "erasures", "redriven", "endpoints"}
            assert found.get("x-schema-id") in known or message == "deadLetterValue"


MESSAGES = DOCUMENT["components"]["messages"]
WITH_EXAMPLES = sorted(name for name, message in MESSAGES.items() if "examples" in message)


def own(schema: dict[str, Any]) -> Draft7Validator:
    """A validator of a schema of the document, in the document's dialect: the parser leaves examples unchecked."""
    return Draft7Validator({"allOf": [schema], "components": DOCUMENT["components"]}, format_checker=FORMATS)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_an_example_is_what_the_document_and_the_2020_12_schemas_say(name: str) -> None:
    message = MESSAGES[name]
    (example,) = message["examples"]
    assert own(message["payload"]).is_valid(example["payload"])
    if message["name"] in VALIDATORS:
        assert wrongs(VALIDATORS[message["name"]], example["payload"]) == []
        assert not own(message["payload"]).is_valid({})
    if "headers" in message:
        assert own(message["headers"]).is_valid(example["headers"])
        assert not own(message["headers"]).is_valid({**example["headers"], "ce_type": "x", "error.reason": "x"})


def test_every_record_that_a_replay_has_is_shown() -> None:
    kafka_only = {"eventData", "userCreatedData", "enrichedEventData", "enrichedUserCreatedData", "oversizeInput"}
    assert set(WITH_EXAMPLES) == MESSAGES.keys() - kafka_only - {
        "erasure",
        "redriven",
        "retriedEnrollment",
        "endpointState",
        "undeliveredEnrollment",
    }


def keywords(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema
        for value in schema.values():
            yield from keywords(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from keywords(value)


def test_no_keyword_stands_in_it_that_its_dialect_ignores() -> None:
    younger = {"$defs", "prefixItems", "dependentRequired", "dependentSchemas", "unevaluatedProperties", "$anchor"}
    assert not younger & set(keywords(DOCUMENT["components"]))


def test_nothing_stands_beside_a_reference() -> None:
    def check(schema: Any) -> None:
        if isinstance(schema, dict):
            assert "$ref" not in schema or len(schema) == 1, schema
        for value in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
            check(value)

    check(DOCUMENT["components"])
