"""Bad input: for each reason of a dead letter that a file can hold, the ways in which it comes about.

Some spoil the line that they replace, others stand in its place: a small login of their own with something wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any

import orjson

from worker.simulate.clock import rfc3339
from worker.simulate.dice import Dice
from worker.simulate.lines import Kind, Line

Spoil = Callable[[Line], bytes]

_TOO_LARGE_EVERY = 2000  # of the malformed lines: each is a mebibyte
_MEBIBYTE = 1 << 20
_DEEPEST = 64  # levels that are read


def spoil(lines: Iterator[Line], share: float, dice: Dice) -> Iterator[Line]:
    """Replace that share of the lines by malformed ones, cycling through every kind of flaw."""
    spoiled = 0
    for line in lines:
        if not dice.chance(share):
            yield line
            continue
        spoiled += 1
        kind, make = _OVERSIZE if spoiled % _TOO_LARGE_EVERY == 0 else _WAYS[(spoiled - 1) % len(_WAYS)]
        yield Line(make(line), kind, line.person, line.arrival, line.about)


def _cut(line: Line) -> bytes:
    return line.value[: line.value.rfind(b",", 0, len(line.value) * 2 // 3) + 1]


def _insert(member: bytes) -> Spoil:
    """Put a member in front of the others."""
    return lambda line: b"{" + member + b"," + line.value[1:]


def _insert_bytes(found: bytes) -> Spoil:
    return lambda line: line.value[: len(line.value) // 2] + found + line.value[len(line.value) // 2 :]


def _around(before: bytes, after: bytes) -> Spoil:
    return lambda line: before + line.value + after


def _instead(text: bytes) -> Spoil:
    return lambda _: text


def _nested(levels: int) -> bytes:
    return b'"nested":' + b"[" * levels + b"]" * levels


def _login(line: Line) -> dict[str, Any]:
    """Return a small login that nothing is wrong with."""
    number = f"{line.arrival:x}-{line.person:x}"
    return {
        "id": f"evt-{number}",
        "trigger": "post_login",
        "time": rfc3339(line.arrival),
        "event": {
            "client": {"client_id": "importer", "name": "Import of last night"},
            "connection": {"name": "Username-Password-Authentication", "strategy": "auth0"},
            "request": {"hostname": "login.acme.example", "query": {}, "geoip": {"countryCode": "DE"}},
            "tenant": {"id": "acme-prod"},
            "user": {"user_id": f"auth0|import{number}", "email": f"import.{number}@example.com"},
        },
    }


def _with(value: Any, *path: str) -> Spoil:
    """Set one member of a login to something that doesn't belong there."""

    def make(line: Line) -> bytes:
        login = _login(line)
        parent = login
        for name in path[:-1]:
            parent = parent[name]
        parent[path[-1]] = value
        return orjson.dumps(login)

    return make


def _without_trigger(line: Line) -> bytes:
    login = _login(line)
    del login["trigger"]
    return orjson.dumps(login)


def _as_cloud_event(line: Line) -> bytes:
    login = _login(line)
    return orjson.dumps(
        {
            "specversion": "1.0",
            "type": "auth0.trigger.send_phone_message",
            "source": "urn:auth0:acme-prod.auth0.example",
            "id": login["id"],
            "time": login["time"],
            "data": login["event"],
        }
    )


def _only_event(line: Line) -> bytes:
    """Forget the envelope: the event object alone is of no format."""
    return orjson.dumps(_login(line)["event"])


_FLAWS: dict[Kind, tuple[Spoil, ...]] = {
    "invalid_utf8": (_insert_bytes(b"\xff"), _insert_bytes(b"\xc3\x28"), _insert_bytes(b"\xed\xa0\xbd")),
    "not_json": (
        _cut,
        _insert(b'"risk":NaN'),
        _around(b"\xef\xbb\xbf", b""),
        _around(b"", b'{"more":1}'),
        _insert(b'"risk":-Infinity'),
        _instead(b"Traceback (most recent call last):"),
    ),
    "too_deep": (_insert(_nested(_DEEPEST)), _insert(_nested(5 * _DEEPEST))),
    "lone_surrogate": (_insert(rb'"note":"\ud83d"'), _insert(rb'"note":"\udc4d hi"')),
    "not_an_object": (_around(b"[", b"]"), _instead(b"null"), _instead(b"42"), _instead(b'"ping"'), _instead(b"true")),
    "unknown_format": (
        _instead(b'{"level":"info","message":"exporter started"}'),
        _only_event,
        _instead(b"{}"),
    ),
    "unknown_trigger": (
        _with("credentials_exchange", "trigger"),
        _without_trigger,
        _as_cloud_event,
        _with(7, "trigger"),
    ),
    "invalid_event": (
        _with("somebody", "event", "user"),
        _with("yesterday at noon", "time"),
        _with("", "id"),
        _with(4711, "event", "user", "email"),
        _with([], "event", "request", "query"),
        _with(17, "id"),
        _with("2026-02-30T10:00:00Z", "time"),
        _with(["DE"], "event", "request", "geoip"),
        _with(True, "event", "user", "user_id"),
        _with(12, "event", "tenant", "id"),
        _with("importer", "event", "client"),
        _with(None, "event"),
    ),
    "blank": (_instead(b""), _instead(b"  ")),
}
_OVERSIZE: tuple[Kind, Spoil] = ("too_large", _insert(b'"padding":"' + b"x" * _MEBIBYTE + b'"'))
_WAYS: tuple[tuple[Kind, Spoil], ...] = tuple(
    (kind, make)
    for turn in zip_longest(*_FLAWS.values())
    for kind, make in zip(_FLAWS, turn, strict=True)
    if make is not None
)
