"""What the api's methods refuse, and what they say then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.handlers.factories import commands_of, make_api
from worker.handlers.api import PreUserRegistrationApi
from worker.handlers.errors import WrongUseError

REFUSED: list[tuple[Callable[[Any], object], str]] = [
    (lambda api: api.access.deny(None), "api.access.deny: reason: expected a string, found None"),
    (lambda api: api.access.deny(5), "api.access.deny: reason: expected a string, found int"),
    (
        lambda api: api.access_token.add_scope("a b"),
        "api.access_token.add_scope: scope: expected one scope: a string without spaces, found another str",
    ),
    (lambda api: api.access_token.remove_scope(""), "api.access_token.remove_scope: scope: expected one scope"),
    (
        lambda api: api.authentication.challenge_with({"type": "sms"}),
        'api.authentication.challenge_with: factor: expected a factor {"type", "options"?} with a type of "otp",',
    ),
    (
        lambda api: api.authentication.challenge_with("otp"),
        "api.authentication.challenge_with: factor: expected a factor",
    ),
    (
        lambda api: api.authentication.challenge_with({"type": "otp", "option": {}}),
        "api.authentication.challenge_with: factor: expected a factor",
    ),
    (
        lambda api: api.authentication.challenge_with({"type": "otp", "options": []}),
        "api.authentication.challenge_with: factor: expected a factor",
    ),
    (
        lambda api: api.authentication.challenge_with({"type": "otp"}, additional_factors=[]),
        "api.authentication.challenge_with: additional_factors: expected a list that is not empty, each item a factor",
    ),
    (
        lambda api: api.authentication.enroll_with_any([{"type": "otp"}, {"type": "email"}]),
        "api.authentication.enroll_with_any: factors: expected each item to be a factor",
    ),
    (
        lambda api: api.authentication.enroll_with_any({"type": "otp"}),
        "api.authentication.enroll_with_any: factors: expected a list",
    ),
    (
        lambda api: api.authentication.record_method("example.com"),
        "api.authentication.record_method: provider_url: expected a URL that begins with https:// or http://",
    ),
    (
        lambda api: api.authentication.set_primary_user("x" * 129),
        "api.authentication.set_primary_user: user_id: expected a user id of 1 to 128 characters, found another str",
    ),
    (lambda api: api.authentication.set_primary_user(" "), "api.authentication.set_primary_user: user_id: expected"),
    (lambda api: api.authentication.set_primary_user(None), "api.authentication.set_primary_user: user_id: expected"),
    (
        lambda api: api.multifactor.enable("sms"),
        'api.multifactor.enable: provider: expected one of "any", "duo", "google-authenticator", "guardian", "none"',
    ),
    (
        lambda api: api.multifactor.enable("any", allow_remember_browser=0),
        "api.multifactor.enable: allow_remember_browser: expected True or False, found int",
    ),
    (
        lambda api: api.multifactor.enable("any", provider_options={}),
        'api.multifactor.enable: provider_options: expected nothing: they go with provider "duo" only, found dict',
    ),
    (
        lambda api: api.multifactor.enable("duo", provider_options="x"),
        "api.multifactor.enable: provider_options: expected a dict, found another str",
    ),
    (lambda api: api.prompt.render(""), "api.prompt.render: prompt_id: expected a string that is not blank"),
    (lambda api: api.prompt.render("p", vars=[1]), "api.prompt.render: vars: expected a dict, found list"),
    (lambda api: api.redirect.send_user_to("/home"), "api.redirect.send_user_to: url: expected a URL"),
    (
        lambda api: api.redirect.send_user_to("https://example.com", query={"a": 1}),
        "api.redirect.send_user_to: query: expected a dict of strings, found dict",
    ),
    (
        lambda api: api.redirect.send_user_to("https://example.com", query={1: "a"}),
        "api.redirect.send_user_to: query: a key of type int is not JSON; pass strings as keys",
    ),
    (
        lambda api: api.session.set_expires_at(1_893_456_000),
        "api.session.set_expires_at: absolute: expected milliseconds since the Unix epoch (an int; seconds times 1000)",
    ),
    (
        lambda api: api.session.set_idle_expires_at(1e13),
        "api.session.set_idle_expires_at: inactivity: expected millisec",
    ),
    (
        lambda api: api.session.set_cookie_mode("ephemeral"),
        'api.session.set_cookie_mode: mode: expected one of "persistent", "non-persistent", found another str',
    ),
    (
        lambda api: api.session.revoke("x", preserve_refresh_tokens="yes"),
        "api.session.revoke: preserve_refresh_tokens: expected True or False, found another str",
    ),
    (
        lambda api: api.session.set_metadata("a b", "x"),
        "api.session.set_metadata: key: expected a key of 1 to 255 letters, digits, _ or -",
    ),
    (
        lambda api: api.refresh_token.set_metadata("k", "x" * 256),
        "api.refresh_token.set_metadata: value: expected a string of at most 255 characters, or None",
    ),
    (lambda api: api.refresh_token.set_metadata("k", 1), "api.refresh_token.set_metadata: value: expected a string"),
    (
        lambda api: api.transaction.set_metadata("k", {}),
        "api.transaction.set_metadata: value: expected a string, number, boolean or None, found dict",
    ),
    (
        lambda api: api.user.set_app_metadata("", 1),
        "api.user.set_app_metadata: key: expected a string that is not blank",
    ),
    (
        lambda api: api.user.set_user_metadata("k", {"at": {1, 2}}),
        "api.user.set_user_metadata: value.at: set is not JSON; pass a list",
    ),
    (
        lambda api: api.saml_response.set_attribute("a", [None]),
        "api.saml_response.set_attribute: value: expected a string, number, boolean, None, or a list of strings",
    ),
    (lambda api: api.saml_response.set_attribute("a", {}), "api.saml_response.set_attribute: value: expected a string"),
    (
        lambda api: api.saml_response.set_lifetime_in_seconds(0),
        "api.saml_response.set_lifetime_in_seconds: lifetime_in_seconds: expected an int above 0, found int",
    ),
    (
        lambda api: api.saml_response.set_name_identifier_probes(["a", 1]),
        "api.saml_response.set_name_identifier_probes: name_identifier_probes: expected a list of strings, found list",
    ),
    (
        lambda api: api.saml_response.set_name_identifier_probes("a"),
        "api.saml_response.set_name_identifier_probes: name",
    ),
    (
        lambda api: api.saml_response.set_signature_algorithm("md5"),
        'api.saml_response.set_signature_algorithm: signature_algorithm: expected one of "rsa-sha256", "rsa-sha1"',
    ),
    (
        lambda api: api.enroll("two words", {}),
        "api.enroll: endpoint: expected a name from webhooks.endpoints (letters, digits, _ . -) or an https URL",
    ),
    (lambda api: api.enroll("welcome", [1]), "api.enroll: payload: expected a dict, found list"),
    (
        lambda api: api.enroll("welcome", {"at": {"x": b""}}),
        "api.enroll: payload.at.x: bytes is not JSON; pass a string",
    ),
]


@pytest.mark.parametrize(("call", "message"), REFUSED, ids=[message[:60] for _, message in REFUSED])
def test_a_wrong_argument_is_refused_with_method_parameter_and_what_is_right(
    call: Callable[[Any], object], message: str
) -> None:
    api, recorder = make_api()
    with pytest.raises(WrongUseError) as raised:
        call(api)
    assert str(raised.value).startswith(message)
    assert recorder.close() is None


def test_before_registration_a_denial_has_a_message_for_the_user() -> None:
    api, _ = make_api(PreUserRegistrationApi)
    with pytest.raises(WrongUseError, match=r"api\.access\.deny: user_message: expected a string, found None"):
        api.access.deny("reason", None)


NO_CLAIMS = [
    "",
    "sub",
    "roles",
    "experiment",
    "example.com/experiment",
    "urn:example:experiment",
    "ftp://example.com/x",
    "https://",
    "https:///path",
    "https://user@example.com/x",
    "https://exa mple.com/x",
    "https://example.com/a b",
    "https://example.com:port/x",
    "https://auth0.com/x",
    "https://acme.eu.auth0.com/x",
    "HTTPS://ACME.AUTH0.COM./x",
    "http://webtask.io",
    "https://x.webtask.run/y",
    None,
    5,
]


@pytest.mark.parametrize("key", NO_CLAIMS)
@pytest.mark.parametrize("namespace", ["id_token", "access_token"])
def test_a_claim_must_be_a_namespaced_url_of_your_own(namespace: str, key: Any) -> None:
    api, _ = make_api()
    message = r"key: expected a namespaced URL of your own such as https://example\.com/claim \(not under auth0\.com, "
    with pytest.raises(WrongUseError, match=message):
        getattr(api, namespace).set_custom_claim(key, 1)


@pytest.mark.parametrize(
    "key",
    [
        "https://example.com",
        "http://example.com/a",
        "HTTPS://Example.com/a?b#c",
        "https://localhost:8080/x",
        "https://[::1]/x",
        "https://notauth0.com/x",
        "https://auth0.com.example/x",
        "https://münchen.example/x",
    ],
)
def test_any_other_http_url_is_a_claim(key: str) -> None:
    api, recorder = make_api()
    api.id_token.set_custom_claim(key, 1)
    assert commands_of(recorder) == [("idToken.setCustomClaim", [key, 1])]


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "a/b",
        "http://example.com/x",
        "https://",
        "https://u:p@example.com/",
        "https:example",
        "ftp://example.com",
        None,
    ],
)
def test_an_endpoint_is_a_name_or_an_https_url_without_user(endpoint: Any) -> None:
    api, _ = make_api()
    with pytest.raises(WrongUseError, match=r"api\.enroll: endpoint: expected"):
        api.enroll(endpoint, {})


def test_values_are_never_in_the_message() -> None:
    api, _ = make_api()
    calls: list[Callable[[], object]] = [
        lambda: api.multifactor.enable("ada@example.com"),
        lambda: api.id_token.set_custom_claim("ada@example.com", 1),
        lambda: api.user.set_app_metadata("k", {"ada@example.com": object()}),
        lambda: api.enroll("ada@example.com", {}),
    ]
    for call in calls:
        with pytest.raises(WrongUseError) as raised:
            call()
        assert "@" not in str(raised.value)
