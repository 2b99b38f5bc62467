"""The two tenants: their applications, connections and organisations."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from worker.simulate.agents import AgentKind
from worker.simulate.dice import Weighted
from worker.simulate.places import EUROPE, WORLD, Place

_KINDS: Mapping[str, AgentKind] = {"d": "desktop", "m": "mobile", "t": "tablet", "p": "program"}


class Client(msgspec.Struct, frozen=True):
    """An application, and what people open it on."""

    client_id: str
    name: str
    metadata: Mapping[str, str]
    kinds: frozenset[AgentKind]
    for_employees: bool


class Connection(msgspec.Struct, frozen=True):
    """Where identities come from: `prefix` begins their user ids, `method` is how people prove who they are.

    `federated`: somebody else's accounts, which nobody signs up for here; their first login makes the user.
    """

    id: str
    name: str
    strategy: str
    prefix: str
    method: str
    federated: bool


class Organization(msgspec.Struct, frozen=True):
    """A business customer."""

    id: str
    name: str
    display_name: str
    domain: str


class Tenant(msgspec.Struct, frozen=True):
    """A tenant; `consumers` and `employees` say which connections its people use."""

    id: str
    hostname: str
    source: str
    stream: str
    places: Weighted[Place]
    clients: tuple[Client, ...]
    consumers: Weighted[Connection]
    employees: Weighted[Connection]
    organizations: tuple[Organization, ...]


def _id(prefix: str, *parts: str, digits: int = 16) -> str:
    return prefix + hashlib.sha256("/".join(parts).encode()).hexdigest()[:digits]


def _client(tenant: str, name: str, kinds: str, *, for_employees: bool = False) -> Client:
    return Client(
        client_id=_id("", tenant, name, digits=32),
        name=name,
        metadata={"team": "partners" if for_employees else "consumer"},
        kinds=frozenset(_KINDS[kind] for kind in kinds),
        for_employees=for_employees,
    )


def _connection(tenant: str, name: str, strategy: str, method: str, *, federated: bool = False) -> Connection:
    prefix = f"samlp|{name}" if strategy == "samlp" else strategy
    return Connection(
        id=_id("con_", tenant, name),
        name=name,
        strategy=strategy,
        prefix=prefix,
        method=method,
        federated=federated,
    )


def _organization(tenant: str, name: str, display_name: str) -> Organization:
    return Organization(id=_id("org_", tenant, name), name=name, display_name=display_name, domain=f"{name}.example")


def _tenant(
    id_: str,
    hostname: str,
    places: Weighted[Place],
    clients: tuple[Client, ...],
    organizations: tuple[Organization, ...],
) -> Tenant:
    database = _connection(id_, "Username-Password-Authentication", "auth0", "pwd")
    google = _connection(id_, "google-oauth2", "google-oauth2", "federated", federated=True)
    apple = _connection(id_, "apple", "apple", "federated", federated=True)
    email = _connection(id_, "email", "email", "email")
    sms = _connection(id_, "sms", "sms", "sms")
    saml = _connection(id_, "partners-saml", "samlp", "federated", federated=True)
    return Tenant(
        id=id_,
        hostname=hostname,
        source=f"urn:auth0:{id_}.auth0.example",
        stream=_id("est_", id_),
        places=places,
        clients=clients,
        consumers=Weighted((database, 54), (google, 20), (apple, 10), (email, 9), (sms, 7)),
        employees=Weighted((saml, 65), (database, 25), (google, 10)),
        organizations=organizations,
    )


PRODUCTION = _tenant(
    "acme-prod",
    "login.acme.example",
    WORLD,
    (
        _client("acme-prod", "Acme Shop", "dmt"),
        _client("acme-prod", "Acme Mobile", "mt"),
        _client("acme-prod", "Acme Community", "dmt"),
        _client("acme-prod", "Acme Command Line", "p"),
        _client("acme-prod", "Acme Partner Portal", "dmt", for_employees=True),
        _client("acme-prod", "Acme Reports", "d", for_employees=True),
    ),
    (
        _organization("acme-prod", "northgate", "Northgate Traders"),
        _organization("acme-prod", "orchard-labs", "Orchard Labs, Ltd."),
        _organization("acme-prod", "umbrella-tea", "Umbrella Tea Company"),
        _organization("acme-prod", "zeppelin-works", "Zeppelin Works"),
    ),
)
EU = _tenant(
    "acme-eu",
    "login.eu.acme.example",
    EUROPE,
    (
        _client("acme-eu", "Acme Boutique", "dmt"),
        _client("acme-eu", "Acme Mobile EU", "mt"),
        _client("acme-eu", "Acme Command Line EU", "p"),
        _client("acme-eu", "Acme Partner Portal EU", "dmt", for_employees=True),
    ),
    (
        _organization("acme-eu", "blauwal", "Blauwal Logistik GmbH"),
        _organization("acme-eu", "tulipan", "Tulipán Kft."),
    ),
)
TENANTS = Weighted((PRODUCTION, 83), (EU, 17))
