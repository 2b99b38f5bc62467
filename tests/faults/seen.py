"""What a reader of the output topics saw, cut down to what the checker compares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args
from zlib import crc32

import msgspec
import orjson

from tests.faults.traffic import SECRETS

Kind = Literal["enriched", "exposures", "commands", "enrollments", "assignments", "dead_letters"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_SECRETS = tuple(secret.encode() for secret in SECRETS)
_MINE = {"error.message", "error.reason", "error.source", "error.stage", "error.time", "source"}  # of a dead letter


class Seen(msgspec.Struct, frozen=True, gc=False):
    """One output record.

    `source` is the place of the input it belongs to, `id` its own id. `about` is the id of the event that it speaks of;
    of an assignment its key, of a dead letter the fingerprint of its input. An assignment without a variation is a
    tombstone. `digest` stands for all its bytes; `leak`
    names the part that holds a planted secret.
    """

    kind: Kind
    partition: int
    offset: int
    source: str
    digest: int
    id: str
    about: str = ""
    variation: str | None = None
    is_first: bool | None = None
    reason: str | None = None
    leak: str | None = None


def parse(
    kind: Kind, place: tuple[int, int], key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]]
) -> Seen:
    """Return what the checker needs of the record at that partition and offset."""
    given, value = dict(headers), value or b""
    document: dict[str, Any] = orjson.loads(value) if value and kind != "dead_letters" else {}
    source = given.get("error.source" if kind == "dead_letters" else "source", b"").decode()
    return Seen(
        kind,
        *place,
        source,
        crc32(repr((key, given)).encode(), crc32(value)),
        given.get("ce_id", b"").decode(),
        leak=_leak(kind, key, value, given),
        **_fields(kind, (key, value), document, given),
    )


def fingerprint(key: bytes | None, value: bytes | None) -> str:
    """Stand for a record's bytes; no key is another than an empty one."""
    return f"{crc32(repr(key).encode()):08x}{crc32(value or b''):08x}"


def _fields(
    kind: Kind, record: tuple[bytes | None, bytes], document: dict[str, Any], headers: dict[str, bytes]
) -> dict[str, Any]:
    key, value = record
    match kind:
        case "enriched":
            return {"about": document["id"], "variation": (document["event"]["experiment"] or {}).get("variation_id")}
        case "exposures":
            return {name: document[field] for name, field in _EXPOSURE.items()}
        case "commands" | "enrollments":
            return {"about": document["event_id"], "variation": document["variation_id"]}
        case "assignments":
            about = (key or b"").decode()
            return {"about": about, "variation": document["variation_id"] if value else None}
        case "dead_letters":
            return {"about": fingerprint(*record), "reason": headers["error.reason"].decode()}


_EXPOSURE = {"about": "event_id", "variation": "variation_id", "is_first": "is_first"}


def _leak(kind: Kind, key: bytes | None, value: bytes, headers: dict[str, bytes]) -> str | None:
    """Name the part that holds a secret; a dead letter keeps its input's key, headers and value as they were."""
    letter = kind == "dead_letters"
    if not letter and holds_secret(key or b""):
        return "key"
    found = [name for name, text in headers.items() if (not letter or name in _MINE) and holds_secret(text)]
    if found:
        return f"header {found[0]}"
    return "value" if value and kind in {"exposures", "assignments"} and holds_secret(_without_user_id(value)) else None


def _without_user_id(value: bytes) -> bytes:
    """Leave out the one member of an exposure that may hold what a connection made of an e-mail."""
    document = orjson.loads(value)
    document.pop("user_id", None)
    return orjson.dumps(document)


def holds_secret(text: bytes) -> bool:
    """Tell whether a planted secret stands in a text, in whatever case."""
    lowered = text.lower()
    return any(secret in lowered for secret in _SECRETS)
