"""The namespaces of the api objects: the methods of the Actions reference in snake_case, options as keywords.

Each method records a call under its Actions name and does nothing else. Wrong arguments raise `WrongUseError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from worker.handlers import checks
from worker.handlers.checks import CookieMode, Provider
from worker.handlers.errors import no_attribute, snake_case
from worker.handlers.recorder import Parameter, Recorder

Factor = Mapping[str, Any]

_WITHOUT_DUO = checks.only_with('they go with provider "duo" only')


class Namespace:
    """Methods that belong together."""

    __slots__ = ("_recorder",)
    _actions_name: ClassVar[str]

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __init_subclass__(cls, name: str = "") -> None:
        """Take the Actions name from the class statement: `class IdToken(Namespace, name="idToken")`."""
        cls._actions_name = name

    def _record(self, method: str, *parameters: Parameter, options: tuple[Parameter, ...] = ()) -> None:
        self._recorder.command(f"{self._actions_name}.{method}", *parameters, options=options)

    if TYPE_CHECKING:  # mypy must see misspelt methods
        ...
    else:

        def __getattr__(self, name):  # noqa: ANN001, ANN204 - hidden from mypy
            owner = f"api.{snake_case(self._actions_name)}"
            raise no_attribute(owner, name, public_names(type(self)), f"{owner}.")


def public_names(kind: type) -> list[str]:
    """Return what a class offers to handlers."""
    return [name for name in dir(kind) if not name.startswith("_")]


class Access(Namespace, name="access"):
    """Whether the user may log in."""

    __slots__ = ()

    def deny(self, reason: str) -> None:
        """Deny the login; `reason` may be shown to the user."""
        self._record("deny", ("reason", reason, checks.text))


class RegistrationAccess(Namespace, name="access"):
    """Whether the user may register."""

    __slots__ = ()

    def deny(self, reason: str, user_message: str) -> None:
        """Deny the registration: `reason` goes to the tenant's logs, `user_message` may be shown to the user."""
        self._record("deny", ("reason", reason, checks.text), ("userMessage", user_message, checks.text))


class IdToken(Namespace, name="idToken"):
    """The ID token that will be issued."""

    __slots__ = ()

    def set_custom_claim(self, key: str, value: Any) -> None:
        """Set a claim; `key` is a namespaced URL of your own, `value` any JSON."""
        self._record("setCustomClaim", ("key", key, checks.claim), ("value", value, checks.json))


class AccessToken(Namespace, name="accessToken"):
    """The access token that will be issued."""

    __slots__ = ()

    def set_custom_claim(self, key: str, value: Any) -> None:
        """Set a claim; `key` is a namespaced URL of your own, `value` any JSON."""
        self._record("setCustomClaim", ("key", key, checks.claim), ("value", value, checks.json))

    def add_scope(self, scope: str) -> None:
        """Add a scope."""
        self._record("addScope", ("scope", scope, checks.scope))

    def remove_scope(self, scope: str) -> None:
        """Remove a scope."""
        self._record("removeScope", ("scope", scope, checks.scope))


class Authentication(Namespace, name="authentication"):
    """How the user authenticates. A factor is `{"type": …}`, optionally with `"options"` as Actions spell them."""

    __slots__ = ()

    def challenge_with(self, factor: Factor, *, additional_factors: Sequence[Factor] | None = None) -> None:
        """Ask for a factor that the user has enrolled; the user may choose an additional one instead."""
        self._record(
            "challengeWith",
            ("factor", factor, checks.challenge_factor),
            options=(("additionalFactors", additional_factors, checks.challenge_factors),),
        )

    def challenge_with_any(self, factors: Sequence[Factor]) -> None:
        """Ask for one of the factors, which the user chooses."""
        self._record("challengeWithAny", ("factors", factors, checks.challenge_factors))

    def enroll_with(self, factor: Factor, *, additional_factors: Sequence[Factor] | None = None) -> None:
        """Have the user enrol a factor; the user may choose an additional one instead."""
        self._record(
            "enrollWith",
            ("factor", factor, checks.enrollment_factor),
            options=(("additionalFactors", additional_factors, checks.enrollment_factors),),
        )

    def enroll_with_any(self, factors: Sequence[Factor]) -> None:
        """Have the user enrol one of the factors, which the user chooses."""
        self._record("enrollWithAny", ("factors", factors, checks.enrollment_factors))

    def record_method(self, provider_url: str) -> None:
        """Note that a custom method was completed; the URL stands for it in `event.authentication.methods`."""
        self._record("recordMethod", ("providerUrl", provider_url, checks.url))

    def set_primary_user(self, user_id: str) -> None:
        """Make another user the one who logs in, of whom the current one is a secondary identity."""
        self._record("setPrimaryUser", ("userId", user_id, checks.user_id))


class Multifactor(Namespace, name="multifactor"):
    """Whether a second factor is demanded."""

    __slots__ = ()

    def enable(
        self,
        provider: Provider,
        *,
        allow_remember_browser: bool | None = None,
        provider_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Demand a second factor; `provider_options` (`host`, `ikey`, `skey`, `username`) go with `duo` only."""
        duo = checks.json_object if provider == "duo" else _WITHOUT_DUO
        self._record(
            "enable",
            ("provider", provider, checks.provider),
            options=(
                ("allowRememberBrowser", allow_remember_browser, checks.flag),
                ("providerOptions", provider_options, duo),
            ),
        )


class Redirect(Namespace, name="redirect"):
    """Where the user's browser goes."""

    __slots__ = ()

    def send_user_to(self, url: str, *, query: Mapping[str, str] | None = None) -> None:
        """Send the user to a URL after this trigger; `query` is added to its query string."""
        self._record("sendUserTo", ("url", url, checks.url), options=(("query", query, checks.text_map),))


class User(Namespace, name="user"):
    """The user's metadata."""

    __slots__ = ()

    def set_app_metadata(self, key: str, value: Any) -> None:
        """Set application metadata, any JSON; None removes the key."""
        self._record("setAppMetadata", ("key", key, checks.name), ("value", value, checks.json))

    def set_user_metadata(self, key: str, value: Any) -> None:
        """Set the user's metadata, any JSON; None removes the key."""
        self._record("setUserMetadata", ("key", key, checks.name), ("value", value, checks.json))


class Validation(Namespace, name="validation"):
    """Refusing with an error of your own."""

    __slots__ = ()

    def error(self, code: str, message: str) -> None:
        """End the flow with a code and a message of your own."""
        self._record("error", ("code", code, checks.text), ("message", message, checks.text))


class Prompt(Namespace, name="prompt"):
    """Forms that are shown to the user."""

    __slots__ = ()

    def render(
        self,
        prompt_id: str,
        *,
        vars: Mapping[str, Any] | None = None,  # noqa: A002 - the option's name
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        """Show a form: `vars` are for the server, `fields` fill in what the user sees."""
        options: tuple[Parameter, ...] = (("vars", vars, checks.json_object), ("fields", fields, checks.json_object))
        self._record("render", ("promptId", prompt_id, checks.name), options=options)


class _Lasting(Namespace):
    """What sessions and refresh tokens share: they expire, and have metadata of at most 25 keys."""

    __slots__ = ()

    def set_expires_at(self, absolute: int) -> None:
        """Let it end at that time at the latest, in milliseconds since the Unix epoch."""
        self._record("setExpiresAt", ("absolute", absolute, checks.time_ms))

    def set_idle_expires_at(self, inactivity: int) -> None:
        """Let it end at that time if it is not used before, in milliseconds since the Unix epoch."""
        self._record("setIdleExpiresAt", ("inactivity", inactivity, checks.time_ms))

    def set_metadata(self, key: str, value: str | None) -> None:
        """Set a metadata value of at most 255 characters; None removes the key."""
        self._record("setMetadata", ("key", key, checks.metadata_key), ("value", value, checks.metadata_value))

    def delete_metadata(self, key: str) -> None:
        """Remove a metadata key."""
        self._record("deleteMetadata", ("key", key, checks.metadata_key))

    def evict_metadata(self) -> None:
        """Remove all metadata."""
        self._record("evictMetadata")


class RefreshToken(_Lasting, name="refreshToken"):
    """The current refresh token."""

    __slots__ = ()

    def revoke(self, reason: str) -> None:
        """Revoke it and deny the exchange; `reason` may be shown to the user."""
        self._record("revoke", ("reason", reason, checks.text))


class Session(_Lasting, name="session"):
    """The current session."""

    __slots__ = ()

    def revoke(self, reason: str, *, preserve_refresh_tokens: bool | None = None) -> None:
        """Revoke it and deny the login; `reason` may be shown to the user."""
        self._record(
            "revoke",
            ("reason", reason, checks.text),
            options=(("preserveRefreshTokens", preserve_refresh_tokens, checks.flag),),
        )

    def set_cookie_mode(self, mode: CookieMode) -> None:
        """Keep the session's cookie until it expires (`persistent`) or until the browser is closed."""
        self._record("setCookieMode", ("mode", mode, checks.cookie_mode))


class Transaction(Namespace, name="transaction"):
    """The current transaction."""

    __slots__ = ()

    def set_metadata(self, key: str, value: str | float | bool | None) -> None:  # noqa: FBT001 - JSON's booleans
        """Set a metadata value; None removes the key."""
        self._record("setMetadata", ("key", key, checks.name), ("value", value, checks.scalar))
