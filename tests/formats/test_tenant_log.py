from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.factories import ABSENT, EMAIL, TIME, log_event
from tests.formats.reading import accepted, identity, skip_of, trigger_of

FIELDS = {
    "kind": "post_login",
    "id": "log_1",
    "id_scope": "",
    "time": TIME,
    "tenant": "acme",
    "user_id": "auth0|1",
    "email": EMAIL,
    "client_id": "web",
    "connection": "users",
    "connection_type": "auth0",
    "organization_id": "org_1",
    "domain": "login.example.com",
    "user_agent": "curl/8",
}


def wrapped(log_id: Any = "outer_1", **fields: Any) -> dict[str, Any]:
    return {"log_id": log_id, "data": log_event(**fields)}


def test_every_field_of_a_bare_log_event_is_mapped() -> None:
    found = trigger_of(log_event())
    assert identity(found) == FIELDS
    assert (found.context_path, found.segment_in_context) == (("details",), True)
    assert found.query == {}


def test_every_field_of_a_wrapped_log_event_is_mapped() -> None:
    found = trigger_of(wrapped())
    assert identity(found) == {**FIELDS, "id": "outer_1"}
    assert (found.context_path, found.segment_in_context) == (("data", "details"), True)


def test_the_event_has_the_shape_of_the_actions_event() -> None:
    assert trigger_of(log_event()).event == {
        "tenant": {"id": "acme"},
        "user": {"user_id": "auth0|1", "email": EMAIL, "username": None},
        "client": {"client_id": "web", "name": "Web"},
        "connection": {"id": "con_1", "name": "users", "strategy": "auth0"},
        "organization": {"id": "org_1", "name": "acme"},
        "request": {"hostname": "login.example.com", "ip": "192.0.2.1", "user_agent": "curl/8"},
    }


@pytest.mark.parametrize(("name", "kind"), [("s", "post_login"), ("ss", "post_user_registration")])
def test_sign_ins_and_sign_ups_are_triggers(name: str, kind: str) -> None:
    assert trigger_of(log_event(type=name)).kind == kind
    assert trigger_of(wrapped(type=name)).kind == kind


@pytest.mark.parametrize("name", ["f", "fp", "fu", "fs", "S", "seacft", ""])
def test_other_types_are_skipped_by_name(name: str) -> None:
    assert skip_of(log_event(type=name, details="whatever", user_id=1)) == f"log:{name}"
    assert skip_of(wrapped(type=name)) == f"log:{name}"


def test_the_name_of_a_skipped_type_is_cut() -> None:
    assert skip_of(log_event(type="x" * 100)) == "log:" + "x" * 64


@pytest.mark.parametrize(
    ("name", "email", "username"),
    [
        (EMAIL, EMAIL, None),
        ("anna", None, "anna"),
        ("@", "@", None),
        ("", None, None),
        (None, None, None),
        (ABSENT, None, None),
    ],
)
def test_a_user_name_with_an_at_sign_is_an_email(name: object, email: str | None, username: str | None) -> None:
    found = trigger_of(log_event(user_name=name))
    assert (found.email, found.username) == (email, username)


def test_a_log_event_of_nothing_but_its_marks_is_read() -> None:
    found = trigger_of({"type": "s", "date": None}, source="logs/a.ndjson/7")
    assert identity(found) == {"kind": "post_login", "id": "logs/a.ndjson/7", "id_scope": ""}


@pytest.mark.parametrize(("inner", "id_"), [("log_1", "log_1"), (None, "log.ndjson/1"), (ABSENT, "log.ndjson/1")])
def test_the_wrappers_id_is_the_logs_id_if_it_is_null(inner: object, id_: str) -> None:
    document = {"log_id": None, "data": log_event(log_id=inner)}
    assert trigger_of(document).id == id_


@pytest.mark.parametrize("mark", ["log_id", "date", "tenant_name", "_id"])
def test_a_type_and_any_field_of_every_log_make_a_log_event(mark: str) -> None:
    assert skip_of({"type": "fp", mark: "x"}) == "log:fp"


def test_a_bare_log_event_may_have_data_of_its_own() -> None:
    found = trigger_of(log_event(data={"type": "fp"}))
    assert (found.kind, found.context_path) == ("post_login", ("details",))


@pytest.mark.parametrize(
    ("details", "enriched"),
    [
        ({"stats": 3}, {"experiment": 1, "stats": 3}),
        ({"a": 1, "experiment": {"old": 1}}, {"a": 1, "experiment": 1}),
        ({}, {"experiment": 1}),
        (None, {"experiment": 1}),
        (ABSENT, {"experiment": 1}),
    ],
)
def test_the_context_goes_into_the_details_which_are_made_if_need_be(details: object, enriched: dict[str, Any]) -> None:
    bare = orjson.loads(accepted(log_event(details=details)).with_context(b"1"))
    within = orjson.loads(accepted(wrapped(details=details)).with_context(b"1"))
    assert bare == log_event(details=enriched)
    assert within == {"log_id": "outer_1", "data": log_event(details=enriched)}
