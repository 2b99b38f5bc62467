"""Realistic events for tests, with changes."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from worker.trigger import TriggerKind

_TIME, _CREATED = "2026-01-05T18:27:36.975Z", "2024-08-03T00:27:44.406Z"
_CLIENT = {"client_id": "client_shop", "name": "Shop", "metadata": {}}
_CONNECTION = {"id": "con_database", "name": "Username-Password-Authentication", "strategy": "auth0"}
_REQUEST = {
    "geoip": {"countryCode": "BR", "countryName": "Brazil", "subdivisionCode": "SP", "cityName": "Campinas"},
    "hostname": "login.acme.example",
    "ip": "192.0.2.236",
    "language": "pt-BR",
    "method": "GET",
    "query": {},
    "body": {},
    "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/143.0.0.0 Safari/537.36",
}
_TRANSACTION = {"id": "transaction_1", "locale": "pt", "protocol": "oidc-basic-profile", "requested_scopes": ["openid"]}
_NEW_USER = {
    "email": "ines@example.com",
    "name": "Inês Araújo",
    "user_metadata": {},
}
_USER = {
    "user_id": "auth0|0ae051b216fe3adeb3ba6667",
    **_NEW_USER,
    "email_verified": True,
    "created_at": _CREATED,
    "updated_at": _TIME,
    "app_metadata": {},
    "identities": [
        {
            "connection": "Username-Password-Authentication",
            "isSocial": False,
            "provider": "auth0",
            "user_id": "0ae051b216fe3adeb3ba6667",
        }
    ],
}
_COMMON = {"connection": _CONNECTION, "request": _REQUEST, "tenant": {"id": "acme"}, "transaction": _TRANSACTION}
_EVENTS: Mapping[TriggerKind, Mapping[str, Any]] = {
    "post_login": {
        "authentication": {"methods": [{"name": "pwd", "timestamp": _TIME}]},
        "client": _CLIENT,
        **_COMMON,
        "session": {"id": "session_1", "authenticated_at": _TIME},
        "stats": {"logins_count": 3},
        "user": _USER,
    },
    "pre_user_registration": {"client": _CLIENT, **_COMMON, "user": _NEW_USER},
    "post_user_registration": {**_COMMON, "user": _USER},
}


def event(trigger: TriggerKind, **changes: Any) -> dict[str, Any]:
    """Return a realistic event of that trigger with changes: `event("post_login", user={"email": "ada@example.com"})`.

    Objects are changed member by member, everything else is replaced; None removes a member.
    """
    return _changed(deepcopy(dict(_EVENTS[trigger])), changes)


def _changed(found: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    for name, change in changes.items():
        present = found.get(name)
        if change is None:
            found.pop(name, None)
        elif isinstance(change, Mapping) and isinstance(present, dict):
            _changed(present, change)
        else:
            found[name] = change
    return found
