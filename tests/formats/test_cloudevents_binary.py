from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from tests.factories import EMAIL, TIME, cloud_event, event_object, trigger_event, user_created
from tests.formats.reading import accepted, identity, rejection, skip_of, trigger_of
from worker.formats.decode import Limits
from worker.records import Oversize

Headers = tuple[tuple[str, bytes], ...]


def headers(*more: tuple[str, bytes], **attributes: bytes | None) -> Headers:
    """The headers of a login; an attribute that is None is absent."""
    usual: dict[str, bytes | None] = {
        "specversion": b"1.0",
        "type": b"auth0.trigger.post_login",
        "source": b"urn:auth0:acme.example.com",
        "id": b"ce_1",
        "time": TIME.encode(),
    }
    named = (usual | attributes).items()
    return (*((f"ce_{name}", value) for name, value in named if value is not None), *more)


def without_attributes(structured: Mapping[str, Any]) -> bytes:
    return orjson.dumps(structured["data"])


def test_headers_and_a_value_say_what_the_structured_event_says() -> None:
    structured, binary = trigger_of(cloud_event()), trigger_of(event_object(), headers=headers())

    assert identity(binary) == identity(structured)
    assert binary.event == structured.event == event_object()
    assert binary.context_path == ()


def test_a_created_user_comes_the_same_way() -> None:
    found = trigger_of(
        without_attributes(user_created()), headers=headers(type=b"user.created", a0tenant=b"acme", a0stream=b"est_1")
    )

    assert identity(found) == identity(trigger_of(user_created()))
    assert (found.kind, found.tenant, found.email) == ("post_user_registration", "acme", EMAIL)


def test_the_context_goes_to_the_top_of_the_value() -> None:
    value = b'{ "user":{"user_id":"auth0|1"},"big":12345678901234567890123 }'

    enriched = accepted(value, headers=headers()).with_context(b'{"x":1}')
    assert enriched == b'{"experiment":{"x":1}, "user":{"user_id":"auth0|1"},"big":12345678901234567890123 }'


def test_a_context_that_came_in_is_replaced() -> None:
    value = b'{"experiment":{"old":1},"user":{"experiment":2}}'

    assert accepted(value, headers=headers()).with_context(b"null") == b'{"experiment":null,"user":{"experiment":2}}'


@pytest.mark.parametrize("kind", ["post_login", "pre_user_registration", "post_user_registration"])
def test_the_type_names_the_kind(kind: str) -> None:
    assert trigger_of(event_object(), headers=headers(type=f"auth0.trigger.{kind}".encode())).kind == kind


def test_missing_attributes_are_stood_in_for() -> None:
    found = trigger_of(event_object(), headers=headers(id=None, source=None, time=None), source="t/0/9", timestamp=0)

    assert (found.id, found.id_scope, found.time) == ("t/0/9", "", "1970-01-01T00:00:00.000Z")


def test_a_header_without_a_value_is_absent() -> None:
    without_value: Any = ("ce_id", None)

    assert trigger_of(event_object(), headers=headers(without_value, id=None), source="t/0/9").id == "t/0/9"


def test_other_headers_are_nobodys_business() -> None:
    assert trigger_of(event_object(), headers=headers(("traceparent", b"\xff"), ("ce_extra", b"\xff"))).id == "ce_1"


@pytest.mark.parametrize("value", [b"{}", b"\xff not json", b"", b"x" * 200])
@pytest.mark.parametrize("name", ["user.updated", "com.example.order", ""])
def test_other_types_are_skipped_by_name_whatever_their_value_is(name: str, value: bytes) -> None:
    assert skip_of(value, headers=headers(type=name.encode())) == f"cloudevent:{name}"


@pytest.mark.parametrize("kind", ["enriched", "exposures", "assignments"])
def test_the_workers_own_outputs_are_skipped_so_that_none_goes_round(kind: str) -> None:
    own = headers(type=f"experiment-worker.{kind}".encode(), source=b"experiment-worker")

    assert skip_of(trigger_event(), headers=own) == f"cloudevent:experiment-worker.{kind}"


def test_the_name_of_a_skipped_type_is_cut() -> None:
    assert skip_of(b"{}", headers=headers(type=b"x" * 100)) == "cloudevent:" + "x" * 64


def test_a_record_with_a_key_and_no_value_is_a_tombstone() -> None:
    assert skip_of(b"", headers=headers(), key=b"k", timestamp=0) == "tombstone"


@pytest.mark.parametrize(
    "content_type", [b"application/cloudevents+json", b"Application/CloudEvents+JSON; charset=utf-8"]
)
def test_a_structured_event_is_read_as_one_whatever_other_headers_say(content_type: bytes) -> None:
    structured = cloud_event(id="ce_2")

    assert trigger_of(structured, headers=headers(("content-type", content_type), type=b"other")).id == "ce_2"
    assert trigger_of(structured, headers=headers()).id == "ce_2"


def test_without_a_version_the_content_decides() -> None:
    assert trigger_of(trigger_event(id="evt_7"), headers=headers(specversion=None)).id == "evt_7"


@pytest.mark.parametrize("attribute", ["specversion", "type", "source", "id", "time", "a0tenant"])
def test_an_attribute_that_is_no_utf8_is_an_invalid_event(attribute: str) -> None:
    found = rejection(event_object(), headers=headers(**{attribute: b"\xff"}))

    assert (found.reason, found.message) == ("invalid_event", "a ce_ header is no UTF-8, expected text")


@pytest.mark.parametrize(
    ("attributes", "reason", "message"),
    [
        ({"type": None}, "invalid_event", "ce_type is null, expected a string"),
        ({"id": b""}, "invalid_event", "ce_id is an empty string, expected a non-empty string"),
        ({"time": b"noon"}, "invalid_event", "ce_time is another text, expected an RFC 3339 date and time"),
        ({"type": b"auth0.trigger.send_phone_message"}, "unknown_trigger", 'the trigger is "send_phone_message", exp'),
        ({"type": b"user.created"}, "invalid_event", "data.object is null, expected an object"),
    ],
)
def test_wrong_attributes_are_refused_by_name(attributes: dict[str, Any], reason: str, message: str) -> None:
    found = rejection(event_object(), headers=headers(**attributes))

    assert found.reason == reason
    assert found.message.startswith(message)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "empty"),
        (b"\xff", "invalid_utf8"),
        (b"{", "not_json"),
        (b"[]", "not_an_object"),
        (b'{"user":"anna"}', "invalid_event"),
        (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", "too_deep"),
        (b'{"a":"' + b"x" * 2000 + b'"}', "too_large"),
    ],
)
def test_a_value_is_refused_for_the_same_reasons(value: bytes, reason: str) -> None:
    assert rejection(value, Limits(max_bytes=2000), headers=headers(), timestamp=0).reason == reason


def test_a_value_that_was_too_large_to_keep_is_refused() -> None:
    assert rejection(b"", headers=headers(), oversize=Oversize(1 << 30, "0" * 64)).reason == "too_large"
