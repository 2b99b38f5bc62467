"""Who an event is about: its identities, what is hashed for them, and the keys that stand for them."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.experiments_factory import new_trigger, on_device
from worker.experiments.subjects import (
    Identities,
    SubjectKeys,
    device_identities,
    normalise_email,
    user_identities,
)

BLANKS = [None, "", " ", "\t\n", "\u00a0"]
DEVICE = ("request", "query", "device_id")


def names(**fields: Any) -> list[str]:
    """Return the identities of an event as `type:value`."""
    found = user_identities(new_trigger(**{"user_id": None, **fields}))
    return [] if found is None else [f"{type_}:{value}" for type_, value in found.names]


def bucketing_key(**fields: Any) -> str | None:
    found = user_identities(new_trigger(**{"user_id": None, **fields}))
    return None if found is None else found.bucketing_key


@pytest.mark.parametrize(
    "spelling",
    [
        "b\u00e5rd@example.no",
        " B\u00c5RD@Example.NO\n",
        "ba\u030ard@example.no",
        "BA\u030aRD@EXAMPLE.NO",
        "b\u212brd@example.no",
    ],
)
def test_spellings_of_an_email_are_one_identity(spelling: str) -> None:
    assert names(email=spelling) == ["identifier:b\u00e5rd@example.no"]


def test_capitals_that_lower_case_takes_apart_are_put_together_again() -> None:
    assert names(email="\u0390@b.gr".upper()) == names(email="\u0390@b.gr") == ["identifier:\u0390@b.gr"]


def test_only_emails_have_spellings() -> None:
    assert names(phone_number=" +47 1 ", username="Ada ") == ["identifier: +47 1 ", "identifier:Ada "]
    assert names(user_id="auth0|A ") == ["user:auth0|A "]


@given(st.text())
def test_a_normal_email_stays_what_it_is(text: str) -> None:
    normal = normalise_email(text)
    assert normalise_email(normal) == normal == normalise_email(f" {normal}\t")
    assert normalise_email(unicodedata.normalize("NFD", text)) == normal


def test_the_identities_stand_in_order() -> None:
    assert names(username="ada", phone_number="+471", email="a@b.no", user_id="auth0|1") == [
        "user:auth0|1",
        "identifier:a@b.no",
        "identifier:+471",
        "identifier:ada",
    ]


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("field", ["user_id", "email", "phone_number", "username"])
def test_a_blank_identity_is_absent(field: str, blank: str | None) -> None:
    everything = {"user_id": "auth0|1", "email": "a@b.no", "phone_number": "+471", "username": "ada"}
    assert len(names(**{**everything, field: blank})) == 3
    assert names(**{field: blank}) == []


def test_an_identity_that_stands_twice_is_one() -> None:
    assert names(email="Ada@b.no", phone_number="+471", username="ada@b.no") == [
        "identifier:ada@b.no",
        "identifier:+471",
    ]
    assert names(phone_number="+471", username="+471") == ["identifier:+471"]
    assert names(user_id="ada", username="ada") == ["user:ada", "identifier:ada"]


@pytest.mark.parametrize("user_id", [None, "auth0|1"])
@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ({"email": " A@b.no", "phone_number": "+471", "username": "ada"}, "a@b.no"),
        ({"email": " ", "phone_number": "+471", "username": "ada"}, "+471"),
        ({"username": "ada"}, "ada"),
    ],
)
def test_the_first_link_identifier_is_hashed_with_or_without_a_user_id(
    links: dict[str, str], expected: str, user_id: str | None
) -> None:
    assert bucketing_key(user_id=user_id, **links) == expected


def test_the_user_id_is_hashed_where_it_is_alone() -> None:
    assert bucketing_key(user_id="auth0|1") == "auth0|1"
    assert bucketing_key(user_id="auth0|1", email=" ", username="") == "auth0|1"


def test_a_device_is_its_own_subject_and_key() -> None:
    assert device_identities(on_device("d 1", email="a@b.no"), DEVICE) == Identities((("device", "d 1"),), "d 1")


@pytest.mark.parametrize("value", [*BLANKS, 7, True, ["d1"], {"id": "d1"}])
def test_only_a_string_that_says_something_is_a_device(value: Any) -> None:
    assert device_identities(on_device(value), DEVICE) is None


@pytest.mark.parametrize("event", [{}, {"request": None}, {"request": {"query": "device_id"}}, {"request": []}])
def test_a_path_that_leads_nowhere_is_no_device(event: Any) -> None:
    assert device_identities(new_trigger(event=event), DEVICE) is None


def test_the_device_stands_where_the_settings_say() -> None:
    trigger = new_trigger(event={"session": {"device": {"id": "d1"}}})
    assert device_identities(trigger, ("session", "device", "id")) == Identities((("device", "d1"),), "d1")


@pytest.mark.parametrize(("tenant", "text"), [("acme", "acme|user|auth0|1"), (None, "|user|auth0|1")])
def test_a_key_is_the_hmac_of_tenant_type_and_value(tenant: str | None, text: str) -> None:
    subject = SubjectKeys(b"secret").of_first(tenant, Identities((("user", "auth0|1"),), ""))
    assert subject.hex == hmac.new(b"secret", text.encode(), hashlib.sha256).hexdigest()
    assert (subject.type, subject.key) == ("user", bytes.fromhex(subject.hex))


def test_keys_differ_by_pepper_tenant_type_and_value() -> None:
    pairs = [("acme", "user", "1"), ("acme", "identifier", "1"), ("acme", "user", "2"), ("other", "user", "1")]
    found = {
        SubjectKeys(pepper).of_first(tenant, Identities(((type_, value),), "")).key  # type: ignore[arg-type]  # literals
        for pepper in (b"one", b"two")
        for tenant, type_, value in pairs
    }
    assert len(found) == 8


def test_all_identities_become_subjects_in_order() -> None:
    identities = Identities((("user", "auth0|1"), ("identifier", "a@b.no")), "a@b.no")
    keys = SubjectKeys(b"secret")
    first, second = keys.of_all("acme", identities)
    assert (first.type, second.type) == ("user", "identifier")
    assert keys.of_first("acme", identities) == first != second
