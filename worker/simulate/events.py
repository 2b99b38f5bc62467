"""The Actions event object of each trigger, with the fields of the Actions reference."""

from __future__ import annotations

from typing import Any

from worker.simulate.clock import SECOND, rfc3339
from worker.simulate.dice import Dice
from worker.simulate.people import Person
from worker.simulate.tenants import Connection, Organization
from worker.simulate.visits import Visit

Document = dict[str, Any]


def post_login(visit: Visit, dice: Dice) -> Document:
    """Return the event of a login."""
    person = visit.person
    event = {
        "authentication": {"methods": _methods(visit)},
        "client": _client(visit),
        "connection": _connection(person.identity.connection),
        "request": _request(visit) | {"query": _query(visit, dice)},
        "session": _session(visit, dice),
        "stats": {"logins_count": visit.count},
        "tenant": {"id": person.tenant.id},
        "transaction": _transaction(visit, dice),
        "user": user(visit),
    }
    if person.organization is not None:
        event["authorization"] = {"roles": ["partner"]}
        event["organization"] = _organization(person.organization)
    return event


def pre_user_registration(visit: Visit, dice: Dice) -> Document:
    """Return the event of a registration about to happen: there is no user id yet, the address stands as typed."""
    person = visit.person
    account = person.identity
    event = {
        "client": _client(visit),
        "connection": _connection(account.connection),
        "request": _request(visit),
        "tenant": {"id": person.tenant.id},
        "transaction": _transaction(visit, dice),
        "user": _names(person) | _identifiers(person) | {"user_metadata": {"language": person.place.language}},
    }
    if account.typed_email is not None:
        event["user"]["email"] = account.typed_email
    if visit.extras:
        event["request"]["query"] = dict(visit.extras)
    return event


def post_user_registration(visit: Visit, dice: Dice) -> Document:
    """Return the event of a registration that happened."""
    return {
        "connection": _connection(visit.person.identity.connection),
        "request": _request(visit) | ({"query": dict(visit.extras)} if visit.extras else {}),
        "tenant": {"id": visit.person.tenant.id},
        "transaction": _transaction(visit, dice),
        "user": user(visit),
    }


def user(visit: Visit) -> Document:
    """Return the user as it is kept."""
    person = visit.person
    account = person.identity
    proven = account.connection.method != "pwd" or visit.count > 0
    mailed = {} if account.email is None else {"email_verified": proven}
    phoned = {} if account.phone_number is None else {"phone_verified": True}
    return {
        "user_id": account.user_id,
        **_identifiers(person),
        **mailed,
        **phoned,
        **_names(person),
        "created_at": rfc3339(person.created),
        "updated_at": rfc3339(max(person.created, visit.time - 3 * SECOND)),
        "app_metadata": {"plan": "partner" if person.organization else "free"},
        "user_metadata": {"language": person.place.language},
        "identities": [_identity(account.connection, account.user_id)],
        **({"multifactor": ["guardian"]} if person.has_factor else {}),
    }


def _names(person: Person) -> Document:
    """Return the names: those who sign up give one, other companies' accounts know its parts."""
    account = person.identity
    names = {"name": f"{account.given_name} {account.family_name}"}
    if not account.connection.federated:
        return names
    picture = f"https://cdn.acme.example/{person.number % 97}.png"
    return names | {"given_name": account.given_name, "family_name": account.family_name, "picture": picture}


def _identifiers(person: Person) -> Document:
    account = person.identity
    known = {"email": account.email, "phone_number": account.phone_number, "username": account.username}
    return {name: value for name, value in known.items() if value is not None}


def _identity(connection: Connection, user_id: str) -> Document:
    return {
        "connection": connection.name,
        "isSocial": connection.federated and connection.strategy != "samlp",
        "provider": connection.strategy,
        "user_id": user_id.removeprefix(f"{connection.prefix}|"),
    }


def _client(visit: Visit) -> Document:
    return {"client_id": visit.client.client_id, "name": visit.client.name, "metadata": visit.client.metadata}


def _connection(connection: Connection) -> Document:
    return {"id": connection.id, "name": connection.name, "strategy": connection.strategy}


def _organization(organization: Organization) -> Document:
    return {
        "id": organization.id,
        "name": organization.name,
        "display_name": organization.display_name,
        "metadata": {"contract": "business"},
    }


def _methods(visit: Visit) -> list[Document]:
    first = {"name": visit.person.identity.connection.method, "timestamp": rfc3339(visit.time - 2 * SECOND)}
    if visit.person.has_factor:
        return [first, {"name": "mfa", "timestamp": rfc3339(visit.time)}]
    return [first]


def _request(visit: Visit) -> Document:
    program = visit.device.agent.kind == "program"
    return {
        "body": {},
        "geoip": visit.place.geoip,
        "hostname": visit.person.tenant.hostname,
        "ip": visit.device.ip,
        "language": visit.person.place.language,
        "method": "POST" if program else "GET",
        "user_agent": visit.device.agent.text,
    }


def _query(visit: Visit, dice: Dice) -> Document:
    return {"client_id": visit.client.client_id, "state": dice.hex(16), **visit.extras}


def _session(visit: Visit, dice: Dice) -> Document:
    return {"id": dice.hex(24), "authenticated_at": rfc3339(visit.time - SECOND)}


def _transaction(visit: Visit, dice: Dice) -> Document:
    return {
        "id": dice.hex(12),
        "locale": visit.person.place.language[:2],
        "protocol": "oauth2-password" if visit.device.agent.kind == "program" else "oidc-basic-profile",
        "requested_scopes": ["openid", "profile", "email"],
    }
