"""Every method of the api objects: under which Actions name and with which arguments it is recorded, and where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.handlers.factories import commands_of, make_api
from worker.handlers.api import Api, PostLoginApi, PostUserRegistrationApi, PreUserRegistrationApi
from worker.handlers.errors import WrongUseError
from worker.handlers.namespaces import public_names

Method = tuple[str, Callable[[Any], object], list[Any]]  # Actions name, call, JavaScript arguments

URL = "https://example.com/experiment"
OTP = {"type": "otp"}
PHONE = {"type": "phone", "options": {"preferredMethod": "both"}}
DUO = {"host": "duo.example", "ikey": "i", "skey": "s"}
IN_2030 = 1_893_456_000_000

METADATA: list[Method] = [
    (
        "user.setAppMetadata",
        lambda api: api.user.set_app_metadata("plan", {"name": "gold"}),
        ["plan", {"name": "gold"}],
    ),
    ("user.setUserMetadata", lambda api: api.user.set_user_metadata("theme", None), ["theme", None]),
    ("validation.error", lambda api: api.validation.error("bad", "Try again."), ["bad", "Try again."]),
]
POST_LOGIN: list[Method] = [
    *METADATA,
    ("access.deny", lambda api: api.access.deny("no"), ["no"]),
    ("accessToken.setCustomClaim", lambda api: api.access_token.set_custom_claim(URL, [1, 2.5]), [URL, [1, 2.5]]),
    ("accessToken.addScope", lambda api: api.access_token.add_scope("read:notes"), ["read:notes"]),
    ("accessToken.removeScope", lambda api: api.access_token.remove_scope("email"), ["email"]),
    ("authentication.challengeWith", lambda api: api.authentication.challenge_with(PHONE), [PHONE]),
    (
        "authentication.challengeWith",
        lambda api: api.authentication.challenge_with(OTP, additional_factors=[PHONE]),
        [OTP, {"additionalFactors": [PHONE]}],
    ),
    (
        "authentication.challengeWithAny",
        lambda api: api.authentication.challenge_with_any((OTP, PHONE)),
        [[OTP, PHONE]],
    ),
    ("authentication.enrollWith", lambda api: api.authentication.enroll_with(OTP), [OTP]),
    (
        "authentication.enrollWith",
        lambda api: api.authentication.enroll_with(OTP, additional_factors=[{"type": "push"}]),
        [OTP, {"additionalFactors": [{"type": "push"}]}],
    ),
    ("authentication.enrollWithAny", lambda api: api.authentication.enroll_with_any([OTP]), [[OTP]]),
    ("authentication.recordMethod", lambda api: api.authentication.record_method(URL), [URL]),
    ("authentication.setPrimaryUser", lambda api: api.authentication.set_primary_user("auth0|1"), ["auth0|1"]),
    ("idToken.setCustomClaim", lambda api: api.id_token.set_custom_claim(URL, {"a": None}), [URL, {"a": None}]),
    ("multifactor.enable", lambda api: api.multifactor.enable("any"), ["any"]),
    (
        "multifactor.enable",
        lambda api: api.multifactor.enable("any", allow_remember_browser=False),
        ["any", {"allowRememberBrowser": False}],
    ),
    (
        "multifactor.enable",
        lambda api: api.multifactor.enable("duo", provider_options=DUO),
        ["duo", {"providerOptions": DUO}],
    ),
    ("prompt.render", lambda api: api.prompt.render("ap_1"), ["ap_1"]),
    (
        "prompt.render",
        lambda api: api.prompt.render("ap_1", vars={"a": 1}, fields={"b": [2]}),
        ["ap_1", {"vars": {"a": 1}, "fields": {"b": [2]}}],
    ),
    ("redirect.sendUserTo", lambda api: api.redirect.send_user_to(URL), [URL]),
    (
        "redirect.sendUserTo",
        lambda api: api.redirect.send_user_to(URL, query={"from": "login"}),
        [URL, {"query": {"from": "login"}}],
    ),
    ("refreshToken.revoke", lambda api: api.refresh_token.revoke("stolen"), ["stolen"]),
    ("refreshToken.setExpiresAt", lambda api: api.refresh_token.set_expires_at(IN_2030), [IN_2030]),
    ("refreshToken.setIdleExpiresAt", lambda api: api.refresh_token.set_idle_expires_at(IN_2030), [IN_2030]),
    ("refreshToken.setMetadata", lambda api: api.refresh_token.set_metadata("k", "v"), ["k", "v"]),
    ("refreshToken.deleteMetadata", lambda api: api.refresh_token.delete_metadata("k"), ["k"]),
    ("refreshToken.evictMetadata", lambda api: api.refresh_token.evict_metadata(), []),
    ("session.revoke", lambda api: api.session.revoke("stolen"), ["stolen"]),
    (
        "session.revoke",
        lambda api: api.session.revoke("stolen", preserve_refresh_tokens=True),
        ["stolen", {"preserveRefreshTokens": True}],
    ),
    ("session.setExpiresAt", lambda api: api.session.set_expires_at(IN_2030), [IN_2030]),
    ("session.setIdleExpiresAt", lambda api: api.session.set_idle_expires_at(IN_2030), [IN_2030]),
    ("session.setCookieMode", lambda api: api.session.set_cookie_mode("non-persistent"), ["non-persistent"]),
    ("session.setMetadata", lambda api: api.session.set_metadata("k", None), ["k", None]),
    ("session.deleteMetadata", lambda api: api.session.delete_metadata("k"), ["k"]),
    ("session.evictMetadata", lambda api: api.session.evict_metadata(), []),
    ("transaction.setMetadata", lambda api: api.transaction.set_metadata("k", 1.5), ["k", 1.5]),
    ("samlResponse.setAttribute", lambda api: api.saml_response.set_attribute("a", ["b", 1]), ["a", ["b", 1]]),
    ("samlResponse.setAttribute", lambda api: api.saml_response.set_attribute("a", None), ["a", None]),
    ("samlResponse.setAudience", lambda api: api.saml_response.set_audience("urn:a"), ["urn:a"]),
    ("samlResponse.setRecipient", lambda api: api.saml_response.set_recipient("urn:r"), ["urn:r"]),
    ("samlResponse.setCreateUpnClaim", lambda api: api.saml_response.set_create_upn_claim(False), [False]),
    (
        "samlResponse.setPassthroughClaimsWithNoMapping",
        lambda api: api.saml_response.set_passthrough_claims_with_no_mapping(True),
        [True],
    ),
    ("samlResponse.setMapUnknownClaimsAsIs", lambda api: api.saml_response.set_map_unknown_claims_as_is(True), [True]),
    ("samlResponse.setMapIdentities", lambda api: api.saml_response.set_map_identities(False), [False]),
    (
        "samlResponse.setSignatureAlgorithm",
        lambda api: api.saml_response.set_signature_algorithm("rsa-sha1"),
        ["rsa-sha1"],
    ),
    ("samlResponse.setDigestAlgorithm", lambda api: api.saml_response.set_digest_algorithm("sha256"), ["sha256"]),
    (
        "samlResponse.setEncryptionAlgorithm",
        lambda api: api.saml_response.set_encryption_algorithm("aes256-gcm"),
        ["aes256-gcm"],
    ),
    ("samlResponse.setDestination", lambda api: api.saml_response.set_destination(URL), [URL]),
    ("samlResponse.setLifetimeInSeconds", lambda api: api.saml_response.set_lifetime_in_seconds(60), [60]),
    ("samlResponse.setSignResponse", lambda api: api.saml_response.set_sign_response(True), [True]),
    (
        "samlResponse.setNameIdentifierFormat",
        lambda api: api.saml_response.set_name_identifier_format("urn:f"),
        ["urn:f"],
    ),
    (
        "samlResponse.setNameIdentifierProbes",
        lambda api: api.saml_response.set_name_identifier_probes(("email", "name")),
        [["email", "name"]],
    ),
    (
        "samlResponse.setAuthnContextClassRef",
        lambda api: api.saml_response.set_authn_context_class_ref("urn:c"),
        ["urn:c"],
    ),
    ("samlResponse.setSigningCert", lambda api: api.saml_response.set_signing_cert("PEM"), ["PEM"]),
    (
        "samlResponse.setIncludeAttributeNameFormat",
        lambda api: api.saml_response.set_include_attribute_name_format(False),
        [False],
    ),
    ("samlResponse.setTypedAttributes", lambda api: api.saml_response.set_typed_attributes(False), [False]),
    ("samlResponse.setEncryptionCert", lambda api: api.saml_response.set_encryption_cert("PEM"), ["PEM"]),
    ("samlResponse.setEncryptionPublicKey", lambda api: api.saml_response.set_encryption_public_key("PEM"), ["PEM"]),
    ("samlResponse.setCert", lambda api: api.saml_response.set_cert("PEM"), ["PEM"]),
    ("samlResponse.setKey", lambda api: api.saml_response.set_key("PEM"), ["PEM"]),
    ("samlResponse.setRelayState", lambda api: api.saml_response.set_relay_state("x"), ["x"]),
    ("samlResponse.setIssuer", lambda api: api.saml_response.set_issuer("urn:i"), ["urn:i"]),
]
PRE_REGISTRATION: list[Method] = [
    *METADATA,
    ("access.deny", lambda api: api.access.deny("blocked", "Please call us."), ["blocked", "Please call us."]),
]
METHODS: dict[type[Api], list[Method]] = {
    PostLoginApi: POST_LOGIN,
    PreUserRegistrationApi: PRE_REGISTRATION,
    PostUserRegistrationApi: [],
}
CASES = [(kind, *method) for kind, methods in METHODS.items() for method in methods]


@pytest.mark.parametrize(("kind", "name", "call", "arguments"), CASES, ids=[f"{c[0].__name__}-{c[1]}" for c in CASES])
def test_a_call_is_recorded_under_its_actions_name(
    kind: type[Api], name: str, call: Callable[[Any], object], arguments: list[Any]
) -> None:
    api, recorder = make_api(kind)
    call(api)
    assert commands_of(recorder) == [(name, arguments)]


def offered(kind: type[Api]) -> set[str]:
    """Return every recording method of an api, as `namespace.method`."""
    api, _ = make_api(kind)
    spaces = set(public_names(kind)) - {"cache", "enroll"}
    return {f"{space}.{method}" for space in spaces for method in public_names(type(getattr(api, space)))}


@pytest.mark.parametrize("kind", METHODS)
def test_no_api_has_a_method_that_is_not_in_the_table(kind: type[Api]) -> None:
    called = set()
    for name, call, _ in METHODS[kind]:
        probe = Probe()
        call(probe)
        called.add(probe.path)
        assert probe.path.replace("_", "") == name.lower()
    assert offered(kind) == called


class Probe:
    """Stands for an api and notes which method of which namespace is called."""

    def __init__(self) -> None:
        self.path = ""

    def __getattr__(self, name: str) -> Any:
        self.path = f"{self.path}.{name}".lstrip(".")
        return self

    def __call__(self, *_: object, **__: object) -> None:
        """Do nothing."""


@pytest.mark.parametrize("kind", [PreUserRegistrationApi, PostUserRegistrationApi])
@pytest.mark.parametrize("name", ["multifactor", "id_token", "redirect", "saml_response", "session"])
def test_what_only_a_login_has_is_absent_elsewhere(kind: type[Api], name: str) -> None:
    api, _ = make_api(kind)
    with pytest.raises(
        AttributeError, match=rf"the api of {kind._trigger} has no '{name}'; it has (access, )?cache, enroll"
    ):
        getattr(api, name)


@pytest.mark.parametrize("name", ["user", "access", "validation"])
def test_after_registration_there_is_nothing_to_command(name: str) -> None:
    api, _ = make_api(PostUserRegistrationApi)
    with pytest.raises(AttributeError, match=r"it has cache, enroll$"):
        getattr(api, name)


def test_the_javascript_spelling_is_answered_with_the_python_one() -> None:
    api, _ = make_api()
    with pytest.raises(AttributeError, match=r"has no 'idToken'; write api\.id_token;"):
        _ = api.idToken
    with pytest.raises(AttributeError, match=r"has no 'setCustomClaim'; write api\.id_token\.set_custom_claim;"):
        _ = api.id_token.setCustomClaim


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    api, _ = make_api()
    with pytest.raises(AttributeError, match=r"perhaps you mean api\.multifactor;"):
        _ = api.multifacto
    with pytest.raises(
        AttributeError, match=r"api\.access_token has no 'add_scop'; perhaps you mean api\.access_token"
    ):
        _ = api.access_token.add_scop


@pytest.mark.parametrize("kind", METHODS)
def test_every_trigger_can_enroll(kind: type[Api]) -> None:
    api, recorder = make_api(kind)
    api.enroll("welcome", {"user_id": "u", "score": 1.50})
    api.enroll("https://hooks.example.com/x?y=1", {})
    recorded = recorder.close()
    assert recorded is not None
    assert recorded.enrollments == (
        ("welcome", b'{"user_id":"u","score":1.5}'),
        ("https://hooks.example.com/x?y=1", b"{}"),
    )


@pytest.mark.parametrize("kind", METHODS)
def test_every_trigger_has_the_cache_and_nothing_of_it_is_recorded(kind: type[Api]) -> None:
    api, recorder = make_api(kind)
    api.cache.set("token", {"a": 1})
    assert api.cache.get("token").value == {"a": 1}
    assert recorder.close() is None


def test_changing_an_argument_after_the_call_changes_nothing() -> None:
    api, recorder = make_api()
    value = {"a": 1}
    api.user.set_app_metadata("key", value)
    value["a"] = 2
    assert commands_of(recorder) == [("user.setAppMetadata", ["key", {"a": 1}])]


def test_a_wrong_call_records_nothing() -> None:
    api, recorder = make_api()
    with pytest.raises(WrongUseError):
        api.multifactor.enable("guardain")
    assert recorder.close() is None


def test_options_are_keywords() -> None:
    api, _ = make_api()
    with pytest.raises(TypeError, match="positional"):
        api.multifactor.enable("any", {"allowRememberBrowser": False})
