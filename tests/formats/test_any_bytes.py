"""Whatever the bytes: a trigger, a skip or one rejection whose message gives nothing of the input away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import EMAIL, cloud_event, log_event, post_login, record, user_created
from tests.formats.reading import LIMITS
from worker.formats.decode import Limits, decode
from worker.formats.read import Read, read
from worker.records import Rejected, Skipped

DOCUMENTS: list[dict[str, Any]] = [
    post_login(),
    post_login(experiment={"old": 1}),
    cloud_event(),
    user_created(),
    log_event(),
    {"log_id": "l", "data": log_event()},
]
CANARY = "canary.bird+1@example.com"
FRAGMENTS = st.sampled_from(
    [
        b"", b"{", b"}", b"[", b"]", b'"', b"\\", b":", b",", b" ", b"\r\n", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x00",
        b"null", b"NaN", b"-", b"1E999", b"123456789012345678901234567890", rb"\ud800", rb"\u0065", b'"event":{',
        b'"experiment":', b'"details":null,', b'"user":[],', b"[" * 70,
    ]
)  # fmt: skip
EDITS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 12), FRAGMENTS), max_size=4)


def edited(document: dict[str, Any], edits: list[tuple[float, int, bytes]]) -> bytes:
    raw = orjson.dumps(document)
    for place, length, fragment in edits:
        start = int(place * (len(raw) + 1))
        raw = raw[:start] + fragment + raw[start + length :]
    return raw


def outcome(raw: bytes, limits: Limits, **fields: Any) -> Read | Skipped | Rejected:
    try:
        return read(record(raw, **fields), limits)
    except Rejected as rejected:
        return rejected


def assert_one_outcome(raw: bytes, *, secrets: tuple[str, ...], limits: Limits = LIMITS, **fields: Any) -> None:
    match outcome(raw, limits, **fields):
        case Rejected(message=message):
            assert 0 < len(message.encode()) <= 1024
            assert not any(secret in message for secret in secrets)
        case Read() as found:
            assert found.trigger.id.encode()
            assert isinstance(dict(found.trigger.event), dict)
            assert decode(found.with_context(b"null"))
        case other:
            assert isinstance(other, Skipped)
            assert other.kind.encode()


@settings(max_examples=400)
@given(st.binary(max_size=80), st.one_of(st.none(), st.integers(-(1 << 63), (1 << 63) - 1)))
def test_any_bytes_have_one_outcome(raw: bytes, timestamp: int | None) -> None:
    assert_one_outcome(raw, secrets=(), timestamp=timestamp, limits=Limits(max_bytes=60, max_depth=5))


@settings(max_examples=600)
@given(st.sampled_from(DOCUMENTS), EDITS, st.sampled_from([None, 0, -1, 1 << 62]))
def test_any_edit_of_an_event_has_one_outcome(
    document: dict[str, Any], edits: list[tuple[float, int, bytes]], timestamp: int | None
) -> None:
    assert_one_outcome(edited(document, edits), secrets=("anna", "example.com", "192.0.2"), timestamp=timestamp)


def changed(document: Any, value: Any) -> Iterator[Any]:
    """The document with each of its members, at any depth, set to that value, and with one more of that name."""
    for name, inner in document.items():
        yield {**document, name: value}
        if isinstance(inner, dict):
            yield from ({**document, name: other} for other in changed(inner, value))
    yield {**document, CANARY: value}


@pytest.mark.parametrize("value", [CANARY, [CANARY], {CANARY: CANARY}, 4711, 1.5, True, None, ""])
@pytest.mark.parametrize("document", DOCUMENTS)
def test_any_value_in_any_place_has_one_outcome_and_is_not_told(document: dict[str, Any], value: object) -> None:
    tried = 0
    for other in changed(document, value):
        assert_one_outcome(orjson.dumps(other), secrets=("canary", "bird", "4711", "anna"))
        tried += 1
    assert tried > 20


@pytest.mark.parametrize("text", [EMAIL, "x" * 5000, "auth0.trigger." + EMAIL, "auth0.trigger." + "\N{SNOWMAN}" * 2000])
def test_a_name_that_is_not_known_is_told_only_if_it_looks_like_one(text: str) -> None:
    for document in (post_login() | {"trigger": text}, cloud_event(type=text)):
        assert_one_outcome(orjson.dumps(document), secrets=("anna", "x" * 65, "\N{SNOWMAN}"))
