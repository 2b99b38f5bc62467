"""The api objects that handlers are given: one per trigger, with the namespaces that Actions have there.

An api does no I/O: it records what was asked for. Its namespaces are made when they are used, so that an api that
nobody uses costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from worker.handlers import namespaces
from worker.handlers.cache import Cache
from worker.handlers.errors import no_attribute
from worker.handlers.namespaces import public_names
from worker.handlers.recorder import Recorder
from worker.handlers.saml import SamlResponse
from worker.trigger import TriggerKind


class Api:
    """What the apis of all triggers have."""

    __slots__ = ("_cache", "_recorder")
    _trigger: ClassVar[TriggerKind]

    def __init__(self, recorder: Recorder, cache: Cache) -> None:
        self._recorder = recorder
        self._cache = cache

    def enroll(self, endpoint: str, payload: Mapping[str, Any]) -> None:
        """Have a webhook POST the payload.

        `endpoint` is a name from the setting `webhooks.endpoints`, or an https URL that `webhooks.allow_urls` allows.
        """
        self._recorder.enrollment(endpoint, payload)

    @property
    def cache(self) -> Cache:
        """What handlers of this trigger remember between events, in this process only."""
        return self._cache

    if TYPE_CHECKING:  # mypy must see misspelt namespaces
        ...
    else:

        def __getattr__(self, name):  # noqa: ANN001, ANN204 - hidden from mypy
            raise no_attribute(f"the api of {self._trigger}", name, public_names(type(self)), "api.")


class PostLoginApi(Api):
    """The api of `post_login` handlers."""

    __slots__ = ()
    _trigger: ClassVar[TriggerKind] = "post_login"

    @property
    def access(self) -> namespaces.Access:
        """Deny the login."""
        return namespaces.Access(self._recorder)

    @property
    def access_token(self) -> namespaces.AccessToken:
        """Change the access token."""
        return namespaces.AccessToken(self._recorder)

    @property
    def authentication(self) -> namespaces.Authentication:
        """Ask for factors, have them enrolled."""
        return namespaces.Authentication(self._recorder)

    @property
    def id_token(self) -> namespaces.IdToken:
        """Change the ID token."""
        return namespaces.IdToken(self._recorder)

    @property
    def multifactor(self) -> namespaces.Multifactor:
        """Demand a second factor."""
        return namespaces.Multifactor(self._recorder)

    @property
    def prompt(self) -> namespaces.Prompt:
        """Show a form."""
        return namespaces.Prompt(self._recorder)

    @property
    def redirect(self) -> namespaces.Redirect:
        """Send the user elsewhere."""
        return namespaces.Redirect(self._recorder)

    @property
    def refresh_token(self) -> namespaces.RefreshToken:
        """Change the refresh token."""
        return namespaces.RefreshToken(self._recorder)

    @property
    def saml_response(self) -> SamlResponse:
        """Change the SAML response."""
        return SamlResponse(self._recorder)

    @property
    def session(self) -> namespaces.Session:
        """Change the session."""
        return namespaces.Session(self._recorder)

    @property
    def transaction(self) -> namespaces.Transaction:
        """Change the transaction's metadata."""
        return namespaces.Transaction(self._recorder)

    @property
    def user(self) -> namespaces.User:
        """Change the user's metadata."""
        return namespaces.User(self._recorder)

    @property
    def validation(self) -> namespaces.Validation:
        """End the login with an error of your own."""
        return namespaces.Validation(self._recorder)


class PreUserRegistrationApi(Api):
    """The api of `pre_user_registration` handlers."""

    __slots__ = ()
    _trigger: ClassVar[TriggerKind] = "pre_user_registration"

    @property
    def access(self) -> namespaces.RegistrationAccess:
        """Deny the registration."""
        return namespaces.RegistrationAccess(self._recorder)

    @property
    def user(self) -> namespaces.User:
        """Set the new user's metadata."""
        return namespaces.User(self._recorder)

    @property
    def validation(self) -> namespaces.Validation:
        """End the registration with an error of your own."""
        return namespaces.Validation(self._recorder)


class PostUserRegistrationApi(Api):
    """The api of `post_user_registration` handlers."""

    __slots__ = ()
    _trigger: ClassVar[TriggerKind] = "post_user_registration"
