from __future__ import annotations

from typing import Any

import pytest

from tests.factories import ABSENT, EMAIL, TIME, cloud_event, event_object, user_created
from tests.formats.reading import identity, skip_of, trigger_of
from tests.formats.test_trigger import STRAIGHT
from worker.trigger import TriggerKind

SOURCE = "urn:auth0:acme.example.com"


def created(**context: Any) -> dict[str, Any]:
    return user_created(data={"object": {"user_id": "auth0|1"}, "context": context})


def test_a_trigger_says_what_the_native_event_says() -> None:
    found = trigger_of(cloud_event())
    assert identity(found) == {**STRAIGHT, "id": "ce_1", "id_scope": SOURCE}
    assert found.event == event_object()
    assert (found.context_path, found.segment_in_context) == (("data",), False)


@pytest.mark.parametrize("kind", ["post_login", "pre_user_registration", "post_user_registration"])
def test_the_type_names_the_kind(kind: TriggerKind) -> None:
    assert trigger_of(cloud_event(type=f"auth0.trigger.{kind}")).kind == kind


def test_missing_attributes_are_stood_in_for() -> None:
    found = trigger_of(cloud_event(id=None, source=None, time=ABSENT), source="t/0/9", timestamp=0)
    assert (found.id, found.id_scope, found.time) == ("t/0/9", "", "1970-01-01T00:00:00.000Z")


def test_a_created_user_is_a_registration() -> None:
    assert identity(trigger_of(user_created())) == {
        "kind": "post_user_registration",
        "id": "ce_1",
        "id_scope": SOURCE,
        "time": TIME,
        "tenant": "acme",
        "user_id": "auth0|1",
        "email": EMAIL,
        "client_id": "web",
        "connection": "users",
        "connection_type": "auth0",
        "domain": "login.example.com",
        "user_agent": "curl/8",
        "country": "DE",
    }


def test_a_created_user_has_the_shape_of_the_actions_event() -> None:
    found = trigger_of(user_created())
    assert found.event == {
        "tenant": {"id": "acme"},
        "user": {"user_id": "auth0|1", "email": EMAIL},
        "client": {"id": "web", "name": "Web", "client_id": "web"},
        "connection": {"id": "con_1", "name": "users", "strategy": "auth0"},
        "request": {"hostname": "login.example.com", "user_agent": "curl/8", "geoip": {"countryCode": "DE"}},
    }
    assert (found.context_path, found.segment_in_context) == (("data",), False)


def test_every_field_of_a_created_users_geography_has_its_actions_name() -> None:
    geo = {
        "continent_code": "EU",
        "country_code": "DE",
        "country_name": "Germany",
        "city_name": "Berlin",
        "subdivision_code": "BE",
        "subdivision_name": "Land Berlin",
        "time_zone": "Europe/Berlin",
        "latitude": 52.5,
        "longitude": 13.4,
        "unknown": 1,
    }
    found = trigger_of(created(request={"geo": geo, "ip": "192.0.2.1"}))
    assert found.event["request"] == {
        "ip": "192.0.2.1",
        "geoip": {
            "continentCode": "EU",
            "countryCode": "DE",
            "countryName": "Germany",
            "cityName": "Berlin",
            "subdivisionCode": "BE",
            "subdivisionName": "Land Berlin",
            "timeZone": "Europe/Berlin",
            "latitude": 52.5,
            "longitude": 13.4,
            "unknown": 1,
        },
    }
    assert (found.country, found.region) == ("DE", "BE")


@pytest.mark.parametrize("context", [ABSENT, None, {}, {"client": None, "connection": None, "request": None}])
def test_a_created_user_may_come_without_a_context(context: object) -> None:
    data = {"object": {"user_id": "auth0|1"}} | ({} if context is ABSENT else {"context": context})
    found = trigger_of(user_created(data=data, a0tenant=ABSENT))
    assert identity(found).keys() == {"kind", "id", "id_scope", "time", "user_id"}
    assert found.query == {}


@pytest.mark.parametrize(
    ("client", "client_id"),
    [
        ({"id": "a"}, "a"),
        ({"client_id": "b"}, "b"),
        ({"id": "a", "client_id": "b"}, "b"),
        ({"id": "a", "client_id": None}, "a"),
        ({"id": "a", "client_id": ""}, ""),
        ({}, None),
    ],
)
def test_the_client_of_a_created_user_goes_by_either_name(client: dict[str, Any], client_id: str | None) -> None:
    assert trigger_of(created(client=client)).client_id == client_id


@pytest.mark.parametrize("name", ["user.updated", "user.created.v2", "auth0.triggers", "com.example.order", ""])
def test_other_types_are_skipped_by_name(name: str) -> None:
    assert skip_of(cloud_event(type=name, data="whatever", id=1)) == f"cloudevent:{name}"


def test_the_name_of_a_skipped_type_is_cut() -> None:
    assert skip_of(cloud_event(type="x" * 100)) == "cloudevent:" + "x" * 64
