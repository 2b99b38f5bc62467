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


class Subject(msgspec.Struct, frozen=True, gc=False):
    """An identity as stores and records know it: `key` is HMAC-SHA256(pepper, `tenant|type|value`), 32 bytes.

    `hex` is the same in lower-case hexadecimal, as records carry it.
    """

    type: SubjectType
    key: bytes
    hex: str


class Identities(msgspec.Struct, frozen=True, gc=False):
    """All names that an event gives its subject, personal data that never leaves the process, and the bucketing key.

    `names` are pairs of type and value, the subject's first.
    """

    names: tuple[tuple[SubjectType, str], ...]
    bucketing_key: str


def normalise_email(email: str) -> str:
    """Trim, compose (NFC) and lower-case an e-mail address, so that its spellings are one identity."""
    trimmed = email.strip()
    return trimmed.lower() if trimmed.isascii() else _compose(_compose(trimmed).lower())


def _compose(text: str) -> str:
    """Return the NFC of a text: lower-casing can undo it (the capitals of ΐ)."""
    return unicodedata.normalize("NFC", text)


def user_identities(trigger: Trigger) -> Identities | None:
    """Return `user_id`, then the link identifiers (e-mail, phone number, username); None if the event has none."""
    names: list[tuple[SubjectType, str]] = []
    user_id, email = trigger.user_id, trigger.email
    if user_id and not user_id.isspace():
        names.append(("user", user_id))
    links = len(names)
    if email and (normal := normalise_email(email)):
        names.append(("identifier", normal))
    for link in (trigger.phone_number, trigger.username):
        if link and not link.isspace() and ("identifier", link) not in names:
            names.append(("identifier", link))
    if not names:
        return None
    return Identities(tuple(names), names[links if links < len(names) else 0][1])


def device_identities(trigger: Trigger, device_path: Path) -> Identities | None:
    """Return the device alone: the string at that path below the event; None if there is none."""
    value: Any = trigger.event
    for name in device_path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(value, str) or not value.strip():
        return None
    return Identities((("device", value),), value)


class SubjectKeys:
    """Turns identities into subjects with one pepper, and remembers the latest ones."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper
        self._of: Callable[[str | None, SubjectType, str], Subject] = lru_cache(_REMEMBERED_KEYS)(self._derive)

    def of_first(self, tenant: str | None, identities: Identities) -> Subject:
        """Return the subject."""
        return self._of(tenant, *identities.names[0])

    def of_all(self, tenant: str | None, identities: Identities) -> tuple[Subject, ...]:
        """Return all identities as subjects, in order."""
        derive = self._of
        return tuple([derive(tenant, type_, value) for type_, value in identities.names])

    def _derive(self, tenant: str | None, type_: SubjectType, value: str) -> Subject:
        key = hmac.digest(self._pepper, f"{tenant or ''}|{type_}|{value}".encode(), "sha256")
        return Subject(type_, key, key.hex())
