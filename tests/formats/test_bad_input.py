"""Every reason of contract's closed list that an input can have by itself."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.factories import ABSENT, cloud_event, event_object, log_event, post_login, trigger_event, user_created
from tests.formats.reading import LIMITS, rejection
from worker.formats.decode import Limits
from worker.records import Oversize

LOGIN = orjson.dumps(post_login())
LOG = orjson.dumps(log_event())
WRONG_OBJECTS: tuple[object, ...] = ([], "text", 1, True)
WRONG_TEXTS: tuple[object, ...] = ({}, [], 1, 1.5, True)


def with_unknown(text: bytes, document: bytes = LOGIN) -> bytes:
    """The document with that JSON text as an unknown member."""
    return b'{"unknown":' + text + b"," + document[1:]


@pytest.mark.parametrize("document", [LOGIN, LOG])
@pytest.mark.parametrize("bad", [b"\xff", b"\xc3\x28", b"\xed\xa0\xbd", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"])
def test_what_is_no_utf8_is_invalid_utf8(document: bytes, bad: bytes) -> None:
    found = rejection(with_unknown(b'"' + bad + b'"', document))
    assert found.reason == "invalid_utf8"
    assert found.message.startswith("byte 12: ")


@pytest.mark.parametrize(
    "text",
    [
        b"NaN", b"Infinity", b"-Infinity", b"01", b"1.", b".5", b"+1", b"1e", b"-", b"0x1", b"1_0", b"tru", b"nulL",
        b"'a'", b'"\x01"', b'"a\nb"', b'"\\x41"', b'"\\u00g0"', b'"\\u12"', b"[1,]", b"[1 2]", b'{"a":1,}', b"{1:2}",
        b'{"a"}', b'{"a":}', b"{a:1}", b"[", b"/* no */ 1", b"\xc2\xa01", b"\x0c1", b"",
    ],
)  # fmt: skip
@pytest.mark.parametrize("document", [LOGIN, LOG])
def test_what_the_grammar_of_json_does_not_have_is_not_json(document: bytes, text: bytes) -> None:
    assert rejection(with_unknown(text, document)).reason == "not_json"


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbf" + LOGIN, b"\xef\xbb\xbf" + LOG, LOGIN + LOGIN, LOGIN + b"{}", LOGIN + b"x", LOG + b",",
        LOGIN[:-1], LOG[:-1], LOGIN[:40], b"{", b'"', b"login", b"{} {}", LOGIN + b"\x00", b"\x00" + LOG,
    ],
)  # fmt: skip
def test_a_mark_before_text_after_or_half_a_document_is_not_json(raw: bytes) -> None:
    assert rejection(raw).reason == "not_json"


@pytest.mark.parametrize(
    "text",
    [
        rb'"\ud83d"', rb'"\udc4d"', rb'"\uDC4D\uD83D"', rb'"\ud83dx"', rb'"\ud83d\u0041"', rb'"\ud83d\ud83d\udc4d"',
        rb'"\\\ud800"', rb'{"\ud800":1}', rb'[["\udfff"]]', rb'{"a":"\ud800","a":1}', rb'["\ud800",1E400]',
    ],
)  # fmt: skip
@pytest.mark.parametrize("document", [LOGIN, LOG])
def test_half_a_character_is_a_lone_surrogate(document: bytes, text: bytes) -> None:
    assert rejection(with_unknown(text, document)).reason == "lone_surrogate"


@pytest.mark.parametrize("raw", [b"[]", b"null", b"42", b'"ping"', b"true", b"1E400", b"[" + LOGIN + b"]", b" -0 "])
def test_other_json_is_not_an_object(raw: bytes) -> None:
    found = rejection(raw)
    assert found.reason == "not_an_object"
    assert found.message.endswith(", expected an object")


@pytest.mark.parametrize(
    "document",
    [{}, event_object(), {"level": "info"}, {"type": "s"}, {"log_id": "l"}, {"data": {}}, {"id": "e", "time": "t"}],
)
def test_an_object_of_no_format_is_an_unknown_format(document: dict[str, Any]) -> None:
    assert rejection(document).reason == "unknown_format"


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (trigger_event(trigger="credentials_exchange"), '"credentials_exchange"'),
        (trigger_event(trigger="Post_Login"), '"Post_Login"'),
        (trigger_event(trigger="post_login "), "a text that names no trigger"),
        (trigger_event(trigger="x" * 65), "a text that names no trigger"),
        (trigger_event(trigger=7), "a number"),
        (trigger_event(trigger=None), "null"),
        (trigger_event(trigger=ABSENT), "null"),
        (cloud_event(type="auth0.trigger.send_phone_message"), '"send_phone_message"'),
        (cloud_event(type="auth0.trigger."), "a text that names no trigger"),
    ],
)
def test_a_trigger_that_is_not_known_is_named_with_those_that_are(document: dict[str, Any], found: str) -> None:
    rejected = rejection(document)
    assert rejected.reason == "unknown_trigger"
    assert rejected.message == (
        f"the trigger is {found}, expected one of post_login, pre_user_registration, post_user_registration"
    )


def placed(path: str, value: Any) -> dict[str, Any]:
    """An event object with that value at the dotted path and nothing else."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return dict(value)


@pytest.mark.parametrize("wrong", WRONG_OBJECTS)
@pytest.mark.parametrize(
    "path",
    ["user", "request", "client", "connection", "organization", "tenant", "request.query", "request.geoip"],
)
def test_a_part_of_the_event_that_is_no_object_is_an_invalid_event(path: str, wrong: object) -> None:
    for document in (trigger_event(placed(path, wrong)), cloud_event(placed(path, wrong))):
        found = rejection(document)
        assert found.reason == "invalid_event"
        assert found.message.startswith(f"event.{path} is a")
        assert found.message.endswith(", expected an object")


@pytest.mark.parametrize("wrong", WRONG_TEXTS)
@pytest.mark.parametrize(
    "path",
    [
        "user.user_id", "user.email", "user.phone_number", "user.username", "tenant.id", "client.client_id",
        "connection.name", "connection.strategy", "organization.id", "request.hostname", "request.user_agent",
    ],
)  # fmt: skip
def test_an_identifier_or_attribute_that_is_no_string_is_an_invalid_event(path: str, wrong: object) -> None:
    for document in (trigger_event(placed(path, wrong)), cloud_event(placed(path, wrong))):
        found = rejection(document)
        assert found.reason == "invalid_event"
        assert found.message.startswith(f"event.{path} is a")
        assert found.message.endswith(", expected a string")


@pytest.mark.parametrize("number", [b"123456789012345678901234567890", b"1e999", b"-0", b"18446744073709551616"])
def test_a_number_of_any_size_is_no_string(number: bytes) -> None:
    raw = b'{"id":"e","trigger":"post_login","event":{"user":{"email":%b}}}' % number
    assert rejection(raw).message == "event.user.email is a number, expected a string"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (trigger_event(event=[]), "event is an array, expected an object"),
        (post_login() | {"event": None}, "event is null, expected an object"),
        (trigger_event(id=""), "id is an empty string, expected a non-empty string"),
        (trigger_event(id=17), "id is a number, expected a non-empty string"),
        (trigger_event(time="yesterday"), "time is another text, expected an RFC 3339 date and time"),
        (trigger_event(time=""), "time is an empty string, expected an RFC 3339 date and time"),
        (trigger_event(time=1767225600), "time is a number, expected an RFC 3339 date and time"),
        (cloud_event(type=5), "type is a number, expected a string"),
        (cloud_event(type=ABSENT), "type is null, expected a string"),
        (cloud_event(data="text"), "data is a string, expected an object"),
        (cloud_event(id=""), "id is an empty string, expected a non-empty string"),
        (cloud_event(source=[]), "source is an array, expected a string"),
        (cloud_event(time="noon"), "time is another text, expected an RFC 3339 date and time"),
        (user_created(data={}), "data.object is null, expected an object"),
        (user_created(data={"object": {}, "context": []}), "data.context is an array, expected an object"),
        (user_created(a0tenant=1), "event.tenant.id is a number, expected a string"),
        (log_event(type=1), "type is a number, expected a string"),
        (log_event(details="text"), "details is a string, expected an object"),
        (log_event(date="noon"), "date is another text, expected an RFC 3339 date and time"),
        (log_event(log_id=""), "log_id is an empty string, expected a non-empty string"),
        (log_event(user_name=["a"]), "user_name is an array, expected a string"),
        (log_event(user_id=True), "event.user.user_id is a boolean, expected a string"),
        ({"log_id": "l", "data": "text"}, "data is a string, expected an object"),
        ({"log_id": "l", "data": {}}, "type is null, expected a string"),
    ],
)
def test_an_invalid_event_is_told_by_field_found_and_expected(document: dict[str, Any], message: str) -> None:
    found = rejection(document)
    assert (found.reason, found.message) == ("invalid_event", message)


@pytest.mark.parametrize("part", ["client", "connection", "request"])
def test_a_part_of_the_context_of_a_created_user_that_is_no_object_is_an_invalid_event(part: str) -> None:
    found = rejection(user_created(data={"object": {}, "context": {part: "text"}}))
    assert (found.reason, found.message) == (
        "invalid_event",
        f"data.context.{part} is a string, expected an object",
    )


def test_a_record_of_a_topic_without_key_and_value_is_empty() -> None:
    assert rejection(b"", timestamp=1).reason == "empty"


@pytest.mark.parametrize("raw", [b" ", b"\r\n\t "])
def test_white_space_on_a_topic_is_not_json(raw: bytes) -> None:
    assert rejection(raw, timestamp=1).reason == "not_json"
    assert rejection(raw, timestamp=1, key=b"k").reason == "not_json"


def test_a_value_beyond_the_limit_is_too_large_and_at_the_limit_is_read() -> None:
    size = len(LOGIN)
    found = rejection(LOGIN, Limits(max_bytes=size - 1))
    assert (found.reason, found.message) == ("too_large", f"{size} bytes, at most {size - 1} are read")
    assert rejection(b"x" * size, Limits(max_bytes=size)).reason == "not_json"


def test_a_value_that_was_not_kept_is_too_large() -> None:
    found = rejection(b"", oversize=Oversize(5_000_000, "0" * 64))
    assert (found.reason, found.message) == ("too_large", f"5000000 bytes, at most {LIMITS.max_bytes} are read")
