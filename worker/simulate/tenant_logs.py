"""Tenant log events: logins and sign-ups, and the many other types that are none of a worker's business."""

from __future__ import annotations

from typing import Literal

from worker.simulate.clock import SECOND, rfc3339
from worker.simulate.dice import Dice, Weighted
from worker.simulate.events import Document
from worker.simulate.visits import Visit

LogType = Literal["s", "ss", "f", "fp", "fu", "fs", "slo", "seacft", "sertft", "limit_wc"]

_WITHOUT_DETAILS = 0.05
_OF_NOBODY = frozenset[LogType]({"fu", "fs"})

_DESCRIPTIONS: dict[LogType, str] = {
    "s": "",
    "ss": "",
    "f": "Access denied by policy",
    "fp": "Wrong email or password.",
    "fu": "Wrong email or password.",
    "fs": "Password is too weak",
    "slo": "User successfully logged out",
    "seacft": "Authorization Code for Access Token",
    "sertft": "Refresh Token for Access Token",
    "limit_wc": "Account blocked after too many wrong passwords",
}
BEFORE_LOGIN: Weighted[LogType] = Weighted(("fp", 75), ("fu", 12), ("f", 10), ("limit_wc", 3))
AFTER_LOGIN: Weighted[LogType] = Weighted(("seacft", 45), ("slo", 35), ("sertft", 20))


def login(visit: Visit, dice: Dice) -> Document:
    """Return the log event of a login."""
    return _with_details(log("s", visit, dice), visit, dice)


def sign_up(visit: Visit, dice: Dice) -> Document:
    """Return the log event of a registration."""
    return _with_details(log("ss", visit, dice), visit, dice)


def wrapped(entry: Document) -> Document:
    """Wrap a log event as log streams send it."""
    return {"log_id": entry["log_id"], "data": entry}


def log(type_: LogType, visit: Visit, dice: Dice) -> Document:
    """Return a log event of any type, without details."""
    person, client = visit.person, visit.client
    account = person.identity
    connection = account.connection
    entry = {
        "date": rfc3339(visit.time),
        "type": type_,
        "description": _DESCRIPTIONS[type_],
        "connection": connection.name,
        "connection_id": connection.id,
        "client_id": client.client_id,
        "client_name": client.name,
        "ip": visit.device.ip,
        "user_agent": visit.device.agent.text,
        "hostname": person.tenant.hostname,
        "user_id": None if type_ in _OF_NOBODY else account.user_id,
        "user_name": account.email or account.username or account.phone_number,
        "strategy": connection.strategy,
        "strategy_type": _strategy_type(connection.strategy),
        "log_id": _log_id(visit, dice),
        "tenant_name": person.tenant.id,
        "environment_name": "prod",
        "is_mobile": visit.device.agent.kind in {"mobile", "tablet"},
    }
    if person.organization is not None:
        entry |= {"organization_id": person.organization.id, "organization_name": person.organization.name}
    return entry


def _with_details(entry: Document, visit: Visit, dice: Dice) -> Document:
    if dice.chance(_WITHOUT_DETAILS):
        return entry
    elapsed = dice.between(900, 20 * SECOND)
    prompt = {
        "name": "prompt-authenticate",
        "initiatedAt": visit.time - elapsed,
        "completedAt": visit.time,
        "connection": visit.person.identity.connection.name,
        "elapsedTime": elapsed,
    }
    details = {
        "prompts": [prompt],
        "initiatedAt": visit.time - elapsed,
        "completedAt": visit.time,
        "elapsedTime": elapsed,
        "session_id": dice.hex(24),
        "stats": {"loginsCount": visit.count},
    }
    return entry | {"details": details}


def _strategy_type(strategy: str) -> str:
    match strategy:
        case "auth0":
            return "database"
        case "email" | "sms":
            return "passwordless"
        case "samlp":
            return "enterprise"
        case _:
            return "social"


def _log_id(visit: Visit, dice: Dice) -> str:
    """Return an id that begins with the time, as those of log streams do."""
    digits = "".join(filter(str.isdigit, rfc3339(visit.time)))
    return f"900{digits}{dice.digits(30)}"
