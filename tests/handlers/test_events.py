"""The events of the three triggers, field by field of the Actions reference."""

from __future__ import annotations

from typing import Any

import pytest

from tests.handlers.factories import make_context
from worker.handlers import events
from worker.handlers.events import Event, PostLoginEvent, PostUserRegistrationEvent, PreUserRegistrationEvent
from worker.handlers.views import Dictionary, View

GEOIP = (
    "cityName continentCode countryCode countryCode3 countryName latitude longitude subdivisionCode subdivisionName \
timeZone"
)
PROFILE = "app_metadata email family_name given_name name nickname phone_number picture user_metadata username"
USER = f"{PROFILE} created_at email_verified last_password_reset phone_verified updated_at user_id"
TRANSACTION = (
    "acr_values locale login_hint prompt protocol redirect_uri requested_scopes response_mode response_type "
    "state ui_locales"
)
REQUEST = "geoip hostname ip language method user_agent"
SHARED: dict[str, str] = {
    "connection": "id metadata name strategy",
    "custom_domain": "domain domain_metadata",
    "request.geoip": GEOIP,
    "security_context": "ja3 ja4",
    "tenant": "id",
}
FIELDS: dict[type[Event], dict[str, str]] = {
    PostLoginEvent: SHARED
    | {
        "": "agent authentication authorization client connection custom_domain organization prompt refresh_token "
        "request resource_server secrets security_context session stats tenant transaction user",
        "agent": "agent_id agent_metadata name",
        "authentication": "methods",
        "authorization": "roles",
        "client": "client_id metadata name refresh_token",
        "client.refresh_token": "policies",
        "organization": "id display_name metadata name",
        "prompt": "id fields vars",
        "refresh_token": "id client_id created_at device expires_at idle_expires_at last_exchanged_at metadata "
        "resource_servers rotating session_id user_id",
        "refresh_token.device": "initial_asn initial_ip initial_user_agent last_asn last_ip last_user_agent",
        "request": f"{REQUEST} asn body query",
        "resource_server": "identifier",
        "stats": "logins_count",
        "transaction": f"{TRANSACTION} id linking_id requested_authorization_details actor actor_token_type "
        "correlation_id metadata subject_token_type",
        "transaction.actor": "sub",
        "user": f"{USER} enrolledFactors multifactor identities",
    },
    PreUserRegistrationEvent: SHARED
    | {
        "": "authentication client connection custom_domain request secrets security_context tenant transaction user",
        "client": "client_id metadata name",
        "request": f"{REQUEST} body",
        "transaction": f"{TRANSACTION} correlation_id",
        "user": PROFILE,
    },
    PostUserRegistrationEvent: SHARED
    | {
        "": "authentication connection custom_domain request secrets security_context tenant transaction user",
        "request": REQUEST,
        "transaction": TRANSACTION,
        "user": USER,
    },
}
OPEN = {"organization", "request.geoip", "transaction", "transaction.actor", "user"}
PLACES = [(kind, path) for kind, paths in FIELDS.items() for path in paths]


def at(kind: type[Event], path: str) -> Any:
    """Return an empty object at that path of an event."""
    data: dict[str, Any] = {}
    for name in reversed(path.split(".") if path else []):
        data = {name: data}
    found: Any = kind(data, None)
    for name in path.split(".") if path else []:
        found = getattr(found, name)
    return found


@pytest.mark.parametrize(("kind", "path"), PLACES)
def test_every_field_of_the_reference_is_there_and_no_other(kind: type[Event], path: str) -> None:
    declared = at(kind, path)._children
    assert sorted(declared) == sorted(FIELDS[kind][path].split())


@pytest.mark.parametrize(("kind", "path"), PLACES)
def test_absent_fields_are_none_or_empty(kind: type[Event], path: str) -> None:
    found = at(kind, path)
    for name in FIELDS[kind][path].split():
        value = getattr(found, name)
        assert value is None or (isinstance(value, View | tuple) and not value)


@pytest.mark.parametrize(("kind", "path"), PLACES)
def test_only_what_the_reference_calls_a_dictionary_is_open(kind: type[Event], path: str) -> None:
    is_open = path in OPEN and not (kind is PreUserRegistrationEvent and path == "user")
    assert isinstance(at(kind, path), Dictionary) is is_open


@pytest.mark.parametrize("kind", FIELDS)
@pytest.mark.parametrize(
    "path", ["secrets", "connection.metadata", "custom_domain.domain_metadata", "user.app_metadata"]
)
def test_dictionaries_are_open_maps(kind: type[Event], path: str) -> None:
    assert at(kind, path).anything is None


def test_objects_that_are_equal_are_declared_once() -> None:
    classes = [at(kind, path).__class__ for kind, path in PLACES]
    fields = [(found.__mro__[1], tuple(sorted(found._children))) for found in set(classes) if found._children]
    assert len(set(fields)) == len(fields)


def test_a_realistic_event_reads_as_in_the_reference() -> None:
    event = PostLoginEvent(
        {
            "user": {"user_id": "auth0|1", "enrolledFactors": [{"type": "otp"}], "multifactor": ["guardian"]},
            "request": {"geoip": {"countryCode": "DE"}, "query": {"device_id": "d1"}},
            "client": {"refresh_token": {"policies": [{"audience": "api"}]}},
            "stats": {"logins_count": 3},
        },
        None,
    )
    assert event.user.enrolledFactors is not None
    assert (event.user.enrolledFactors[0].type, event.user.multifactor) == ("otp", ("guardian",))
    assert (event.request.geoip.countryCode, event.request.query.device_id) == ("DE", "d1")
    assert event.client.refresh_token is not None
    assert event.client.refresh_token["policies"] == ({"audience": "api"},)
    assert event.stats.logins_count == 3


def test_a_field_that_the_trigger_does_not_have_raises() -> None:
    event: Any = PostUserRegistrationEvent({}, None)
    with pytest.raises(AttributeError, match="PostUserRegistrationEvent has no 'client'"):
        _ = event.client


def test_the_experiment_is_the_workers_and_hides_what_came_in() -> None:
    stale = {"user": {}, "experiment": {"experiment_id": "old"}}
    context = make_context()
    event, without = PostLoginEvent(stale, context), PostLoginEvent(stale, None)
    assert (event.experiment, event["experiment"]) == (context, context)
    assert (without.experiment, without["experiment"], without.get("experiment")) == (None, None, None)


@pytest.mark.parametrize("data", [{"user": {}}, {"experiment": {"x": 1}, "user": {}}])
def test_the_experiment_is_one_of_the_events_fields(data: dict[str, Any]) -> None:
    event = PostLoginEvent(data, None)
    assert sorted(event) == ["experiment", "user"]
    assert len(event) == 2
    assert dict(event) == {"user": {}, "experiment": None}


def test_the_experiment_can_not_be_set() -> None:
    event: Any = PostLoginEvent({}, None)
    with pytest.raises(AttributeError, match="PostLoginEvent is read-only"):
        event.experiment = make_context()


def test_no_view_class_has_a_dictionary_of_its_own() -> None:
    classes = [value for value in vars(events).values() if isinstance(value, type) and issubclass(value, View)]
    assert [kind.__name__ for kind in classes if "__slots__" not in vars(kind)] == []
