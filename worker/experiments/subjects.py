"""Who is being assigned: the identities of an event, what is hashed for them, and the keys that stand for them.

The bucketing key is the first link identifier where the event has one, so that all that one person does, before and
after there is a `user_id`, falls into one bucket in whatever order it is processed.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal

import msgspec

from worker.trigger import Path, Trigger

SubjectType = Literal["user", "identifier", "device"]

_REMEMBERED_KEYS = 1 << 16


class Identity(msgspec.Struct, frozen=True, gc=False):
    """One of the names that an event gives its subject; `value` is personal data and never leaves the process."""

    type: SubjectType
    value: str


class Subject(msgspec.Struct, frozen=True, gc=False):
    """An identity as stores and records know it: `key` is HMAC-SHA256(pepper, `tenant|type|value`), 32 bytes.

    `hex` is the same in lower-case hexadecimal, as records carry it.
    """

    type: SubjectType
    key: bytes
    hex: str


class Identities(msgspec.Struct, frozen=True, gc=False):
    """All identities of an event, the subject first, and the bucketing key."""

    all: tuple[Identity, ...]
    bucketing_key: str


def normalise_email(email: str) -> str:
    """Trim, compose (NFC) and lower-case an e-mail address, so that its spellings are one identity."""
    trimmed = email.strip()
    return trimmed.lower() if trimmed.isascii() else unicodedata.normalize("NFC", trimmed).lower()


def user_identities(trigger: Trigger) -> Identities | None:
    """Return `user_id`, then the link identifiers (e-mail, phone number, username); None if the event has none."""
    email = trigger.email and normalise_email(trigger.email)
    links = [value for value in (email, trigger.phone_number, trigger.username) if value and not value.isspace()]
    found = tuple(Identity("identifier", value) for value in links)
    user_id = trigger.user_id
    if user_id and not user_id.isspace():
        found = (Identity("user", user_id), *found)
    return Identities(found, links[0] if links else found[0].value) if found else None


def device_identities(trigger: Trigger, device_path: Path) -> Identities | None:
    """Return the device alone: the string at that path below the event; None if there is none."""
    value: Any = trigger.event
    for name in device_path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(value, str) or not value.strip():
        return None
    return Identities((Identity("device", value),), value)


class SubjectKeys:
    """Turns identities into keys with one pepper, and remembers the latest ones."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper
        self.of: Callable[[str | None, Identity], Subject] = lru_cache(_REMEMBERED_KEYS)(self._derive)

    def _derive(self, tenant: str | None, identity: Identity) -> Subject:
        text = f"{tenant or ''}|{identity.type}|{identity.value}"
        key = hmac.digest(self._pepper, text.encode(), "sha256")
        return Subject(identity.type, key, key.hex())
