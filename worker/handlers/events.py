"""The events that handlers are given: the fields of the Actions reference, one class per trigger.

Every object is declared once and shared by the triggers in which it is equal. What the reference calls a dictionary is
a `Dictionary` here, with the fields that it names declared; objects of which it names no field are plain dictionaries.
Every scalar may be None, also those that the reference promises: not every format of the input carries them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from worker.handlers.experiment import ExperimentContext
from worker.handlers.views import Dictionary, View


class Agent(View):
    """The agent that acts for the user."""

    __slots__ = ()

    agent_id: str | None
    agent_metadata: Dictionary
    name: str | None


class Authentication(View):
    """How the user has authenticated in this session."""

    __slots__ = ()

    methods: tuple[Dictionary, ...]


class Authorization(View):
    """What the user may do."""

    __slots__ = ()

    roles: tuple[str, ...]


class Client(View):
    """The application."""

    __slots__ = ()

    client_id: str | None
    metadata: Dictionary
    name: str | None


class ClientRefreshToken(View):
    """The application's policies for refresh tokens."""

    __slots__ = ()

    policies: tuple[Dictionary, ...] | None


class LoginClient(Client):
    """The application that the user logs in to."""

    __slots__ = ()

    refresh_token: ClientRefreshToken | None


class Connection(View):
    """Where the identity comes from."""

    __slots__ = ()

    id: str | None
    metadata: Dictionary | None
    name: str | None
    strategy: str | None


class CustomDomain(View):
    """The custom domain that the request came to."""

    __slots__ = ()

    domain: str | None
    domain_metadata: Dictionary


class Organization(Dictionary):
    """The organisation that the user logs in to."""

    __slots__ = ()

    id: str | None
    display_name: str | None
    metadata: Dictionary
    name: str | None


class Prompt(View):
    """What a rendered prompt collected."""

    __slots__ = ()

    id: str | None
    fields: Dictionary | None
    vars: Dictionary | None


class Device(View):
    """The device that a refresh token was issued to, first and last seen."""

    __slots__ = ()

    initial_asn: str | None
    initial_ip: str | None
    initial_user_agent: str | None
    last_asn: str | None
    last_ip: str | None
    last_user_agent: str | None


class RefreshToken(View):
    """The current refresh token; times are RFC 3339."""

    __slots__ = ()

    id: str | None
    client_id: str | None
    created_at: str | None
    device: Device | None
    expires_at: str | None
    idle_expires_at: str | None
    last_exchanged_at: str | None
    metadata: Dictionary | None
    resource_servers: tuple[Dictionary, ...] | None
    rotating: bool | None
    session_id: str | None
    user_id: str | None


class Geoip(Dictionary):
    """Where the request came from."""

    __slots__ = ()

    cityName: str | None  # noqa: N815 - the reference's spelling
    continentCode: str | None  # noqa: N815 - the reference's spelling
    countryCode: str | None  # noqa: N815 - the reference's spelling
    countryCode3: str | None  # noqa: N815 - the reference's spelling
    countryName: str | None  # noqa: N815 - the reference's spelling
    latitude: float | None
    longitude: float | None
    subdivisionCode: str | None  # noqa: N815 - the reference's spelling
    subdivisionName: str | None  # noqa: N815 - the reference's spelling
    timeZone: str | None  # noqa: N815 - the reference's spelling


class Request(View):
    """The request that started the flow."""

    __slots__ = ()

    geoip: Geoip
    hostname: str | None
    ip: str | None
    language: str | None
    method: str | None
    user_agent: str | None


class SignUpRequest(Request):
    """The request with which somebody signs up."""

    __slots__ = ()

    body: Dictionary


class LoginRequest(SignUpRequest):
    """The request with which somebody logs in."""

    __slots__ = ()

    asn: str | None
    query: Dictionary


class ResourceServer(View):
    """The API that access is asked for."""

    __slots__ = ()

    identifier: str | None


class SecurityContext(View):
    """Fingerprints of the TLS client."""

    __slots__ = ()

    ja3: str | None
    ja4: str | None


class Stats(View):
    """Figures of the user."""

    __slots__ = ()

    logins_count: int | None


class Tenant(View):
    """The tenant in which the event happened."""

    __slots__ = ()

    id: str | None


class Transaction(Dictionary):
    """What every transaction has."""

    __slots__ = ()

    login_hint: str | None
    prompt: tuple[str, ...] | None
    protocol: str | None
    redirect_uri: str | None
    response_mode: str | None
    response_type: tuple[str, ...] | None
    state: str | None


class RegistrationTransaction(Transaction):
    """The transaction in which somebody has registered."""

    __slots__ = ()

    acr_values: tuple[str, ...]
    locale: str | None
    requested_scopes: tuple[str, ...]
    ui_locales: tuple[str, ...]


class SignUpTransaction(RegistrationTransaction):
    """The transaction in which somebody signs up."""

    __slots__ = ()

    correlation_id: str | None


class Actor(Dictionary):
    """Who acts for the user in a token exchange."""

    __slots__ = ()

    sub: str | None


class LoginTransaction(Transaction):
    """The transaction in which somebody logs in."""

    __slots__ = ()

    id: str | None
    acr_values: tuple[str, ...] | None
    linking_id: str | None
    locale: str | None
    requested_authorization_details: tuple[Dictionary, ...] | None
    requested_scopes: tuple[str, ...] | None
    ui_locales: tuple[str, ...] | None
    actor: Actor | None
    actor_token_type: str | None
    correlation_id: str | None
    metadata: Dictionary
    subject_token_type: str | None


class SignUpUser(View):
    """Somebody who signs up and has no `user_id` yet."""

    __slots__ = ()

    app_metadata: Dictionary | None
    email: str | None
    family_name: str | None
    given_name: str | None
    name: str | None
    nickname: str | None
    phone_number: str | None
    picture: str | None
    user_metadata: Dictionary | None
    username: str | None


class User(Dictionary):
    """A registered user; times are RFC 3339."""

    __slots__ = ()

    app_metadata: Dictionary
    created_at: str | None
    email: str | None
    email_verified: bool | None
    family_name: str | None
    given_name: str | None
    last_password_reset: str | None
    name: str | None
    nickname: str | None
    phone_number: str | None
    phone_verified: bool | None
    picture: str | None
    updated_at: str | None
    user_id: str | None
    user_metadata: Dictionary
    username: str | None


class LoginUser(User):
    """The user who logs in."""

    __slots__ = ()

    enrolledFactors: tuple[Dictionary, ...] | None  # noqa: N815 - the reference's spelling
    multifactor: tuple[str, ...] | None
    identities: tuple[Dictionary, ...]


class Event(View):
    """What the events of all triggers have.

    `experiment` is the worker's: whatever the input had under that name is hidden.
    """

    __slots__ = ("_experiment",)
    _experiment: ExperimentContext | None

    connection: Connection
    custom_domain: CustomDomain | None
    secrets: Dictionary
    security_context: SecurityContext | None
    tenant: Tenant

    def __init__(self, data: Mapping[str, Any], experiment: ExperimentContext | None) -> None:
        super().__init__(data)
        _set_experiment(self, experiment)

    @property
    def experiment(self) -> ExperimentContext | None:
        """The experiment that applies, None if none does."""
        return self._experiment

    def __getitem__(self, name: str) -> Any:
        return self.experiment if name == "experiment" else super().__getitem__(name)

    def __iter__(self) -> Iterator[str]:
        yield from (name for name in self._data if name != "experiment")
        yield "experiment"

    def __len__(self) -> int:
        return sum(1 for _ in self)


_set_experiment = Event.__dict__["_experiment"].__set__


class PostLoginEvent(Event):
    """Somebody has logged in."""

    __slots__ = ()

    agent: Agent | None
    authentication: Authentication | None
    authorization: Authorization | None
    client: LoginClient
    organization: Organization | None
    prompt: Prompt | None
    refresh_token: RefreshToken | None
    request: LoginRequest
    resource_server: ResourceServer | None
    session: Dictionary | None
    stats: Stats
    transaction: LoginTransaction | None
    user: LoginUser


class PreUserRegistrationEvent(Event):
    """Somebody is about to be registered."""

    __slots__ = ()

    authentication: Dictionary | None
    client: Client | None
    request: SignUpRequest
    transaction: SignUpTransaction | None
    user: SignUpUser


class PostUserRegistrationEvent(Event):
    """Somebody has been registered."""

    __slots__ = ()

    authentication: Dictionary | None
    request: Request | None
    transaction: RegistrationTransaction | None
    user: User
