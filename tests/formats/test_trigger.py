from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.factories import ABSENT, EMAIL, TIME, event_object, post_login, record, trigger_event
from tests.formats.reading import accepted, identity, trigger_of
from worker.formats import trigger
from worker.trigger import TriggerKind

STRAIGHT = {
    "kind": "post_login",
    "id": "evt_1",
    "id_scope": "",
    "time": TIME,
    "tenant": "acme",
    "user_id": "auth0|1",
    "email": EMAIL,
    "phone_number": "+15550100",
    "username": "anna",
    "client_id": "web",
    "connection": "users",
    "connection_type": "auth0",
    "organization_id": "org_1",
    "domain": "login.example.com",
    "user_agent": "curl/8",
    "country": "DE",
    "region": "BE",
}


@pytest.mark.parametrize("longer", [{}, {"experiment": None}])
def test_every_field_is_read_straight_and_the_long_way(longer: dict[str, Any]) -> None:
    found = accepted(post_login(**longer))
    assert identity(found.trigger) == STRAIGHT
    assert found.trigger.query == {"device_id": "d-1"}
    assert found.trigger.event == event_object(**longer)
    assert (found.trigger.context_path, found.trigger.segment_in_context) == (("event",), False)
    assert (found.document is None) == (not longer)


@pytest.mark.parametrize("kind", ["post_login", "pre_user_registration", "post_user_registration"])
def test_the_trigger_names_the_kind(kind: TriggerKind) -> None:
    assert trigger_of(trigger_event(trigger=kind)).kind == kind
    assert trigger_of(trigger_event(trigger=kind, id=ABSENT)).kind == kind


def test_an_event_object_is_a_mapping_that_is_decoded_when_it_is_looked_at() -> None:
    event = trigger_of(post_login(unknown=[1])).event
    assert list(event) == list(event_object(unknown=[1]))
    assert len(event) == len(event_object()) + 1
    assert event["unknown"] == [1]
    assert event.get("missing") is None


@pytest.mark.parametrize("missing", [ABSENT, None])
def test_a_missing_id_is_stood_in_for_by_the_records_place(missing: object) -> None:
    assert trigger_of(trigger_event(id=missing), source="auth.triggers/3/17").id == "auth.triggers/3/17"


@pytest.mark.parametrize("missing", [ABSENT, None])
def test_a_missing_time_is_the_records_timestamp_and_null_in_a_file(missing: object) -> None:
    document = trigger_event(time=missing)
    assert trigger_of(document).time is None
    assert trigger_of(document, timestamp=1_767_225_600_007).time == "2026-01-01T00:00:00.007Z"
    assert trigger_of(trigger_event(), timestamp=1).time == TIME


@pytest.mark.parametrize("timestamp", [-1, -(1 << 62), 253_402_300_800_000, 1 << 62])
def test_a_timestamp_outside_of_the_calendar_is_none(timestamp: int) -> None:
    assert trigger_of(trigger_event(time=ABSENT), timestamp=timestamp).time is None


@pytest.mark.parametrize("tenant", [ABSENT, None, {}, {"id": None}])
def test_a_missing_tenant_is_none(tenant: object) -> None:
    assert trigger_of(post_login(tenant=tenant)).tenant is None


@pytest.mark.parametrize("missing", [ABSENT, None])
@pytest.mark.parametrize("part", ["user", "client", "connection", "organization", "request"])
def test_a_part_that_is_null_or_absent_leaves_its_fields_absent(part: str, missing: object) -> None:
    found = trigger_of(post_login(**{part: missing}))
    assert identity(found).items() < STRAIGHT.items()
    assert dict(found.query) == ({} if part == "request" else {"device_id": "d-1"})


@pytest.mark.parametrize("value", [None, 1, ["DE"], {"a": 1}])
def test_a_place_that_is_no_text_is_absent(value: object) -> None:
    request = {"geoip": {"countryCode": value, "subdivisionCode": value}, "query": None}
    found = trigger_of(post_login(request=request))
    assert (found.country, found.region) == (None, None)
    assert found.query == {}


def test_an_event_without_anything_is_read() -> None:
    found = trigger_of(b'{"trigger":"post_login","event":{}}')
    assert identity(found) == {"kind": "post_login", "id": "log.ndjson/1", "id_scope": ""}


def test_empty_texts_are_texts() -> None:
    found = trigger_of(post_login(user={"user_id": "", "email": ""}))
    assert (found.user_id, found.email, found.username) == ("", "", None)


def test_an_empty_tenant_is_none() -> None:
    assert trigger_of(post_login(tenant={"id": ""})).tenant is None


@pytest.mark.parametrize(
    "number",
    [b"123456789012345678901234567890", b"1e999", b"-1E+999", b"-0", b"1.0", b"1e-999", b"18446744073709551616"],
)
def test_numbers_of_any_size_are_read_past(number: bytes) -> None:
    plain = b'{"id":"e","trigger":"post_login","time":"2026-03-01T12:00:00Z","event":{"n":%b}}' % number
    long = b'{"id":"e","trigger":"post_login","n":%b,"event":{"n":[%b]}}' % (number, number)
    assert float(trigger_of(plain).event["n"]) == float(number)
    assert float(trigger_of(long).event["n"][0]) == float(number)


@pytest.mark.parametrize("huge", [b"1", b"1e999"])
def test_what_stands_beside_a_number_beyond_all_types_is_read_as_ever(huge: bytes) -> None:
    event = rb'"i":18446744073709551615,"j":-9223372036854775808,"k":18446744073709551616,"s":"\\ud800\ud83d\udc4d"'
    found = trigger_of(b'{"trigger":"post_login","n":%b,"event":{%b}}' % (huge, event)).event
    assert found == {"i": 2**64 - 1, "j": -(2**63), "k": 2.0**64, "s": "\\ud800\N{THUMBS UP SIGN}"}
    assert [type(found[name]) for name in "ijk"] == [int, int, float]


@pytest.mark.parametrize("start", [b"", b'"n":1e999,'])
def test_of_duplicate_keys_the_last_wins(start: bytes) -> None:
    found = trigger_of(
        b"{" + start + b'"trigger":1,"id":"first","event":[],"id":"last","time":"2026-01-01T00:00:00Z",'
        b'"event":{"user":{"user_id":"u0"}},"trigger":"post_login",'
        b'"event":{"user":[],"user":{"user_id":1,"user_id":"u1","user_id":"u2"}}}'
    )  # fmt: skip
    assert (found.id, found.user_id, found.event["user"]) == ("last", "u2", {"user_id": "u2"})


def test_escaped_keys_and_values_are_what_they_spell() -> None:
    found = trigger_of(
        rb'{"\u0069d":"\u0065\/1","trigger":"post\u005flogin","time":"2026-01-01T00:00:00\u005a",'
        rb'"\u0065vent":{"us\u0065r":{"\u0075ser_id":"\ud83d\udc4d\\\""}}}'
    )
    assert (found.id, found.user_id, found.time) == ("e/1", '\N{THUMBS UP SIGN}\\"', "2026-01-01T00:00:00Z")


@pytest.mark.parametrize("space", [b" ", b"\t", b"\n", b"\r\n", b" \r\n\t "])
def test_white_space_may_stand_everywhere(space: bytes) -> None:
    tokens = (b"{", b'"id"', b":", b'"e"', b",", b'"trigger"', b":", b'"post_login"', b",", b'"event"', b":",
              b"{", b'"user"', b":", b"{", b'"user_id"', b":", b'"u"', b"}", b"}", b"}")  # fmt: skip
    found = accepted(space.join((b"", *tokens, b"")))
    assert (found.trigger.id, found.trigger.user_id) == ("e", "u")
    assert orjson.loads(found.with_context(b"1"))["event"]["experiment"] == 1


def test_the_end_of_a_line_is_kept() -> None:
    raw = orjson.dumps(trigger_event({"a": 1})) + b"\r"
    assert accepted(raw).with_context(b"null").endswith(b'"event":{"experiment":null,"a":1}}\r')


@pytest.mark.parametrize(
    "document",
    [
        trigger_event(id=ABSENT),
        trigger_event(id=""),
        trigger_event(time=ABSENT),
        trigger_event(time="noon"),
        trigger_event(trigger="x"),
        trigger_event(specversion=None),
        post_login(experiment=None),
        post_login(user=[]),
    ],
)
def test_what_is_not_plainly_a_valid_native_event_is_not_read_straight(document: dict[str, Any]) -> None:
    assert trigger.read_straight(record(document)) is None
