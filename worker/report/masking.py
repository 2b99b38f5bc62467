"""What a report shows of texts that may hold more than they should."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import orjson

from worker.telemetry.redaction import REDACTED, redact_text

MASK = "•••"
_PRIVATE = re.compile(
    r"\S*@\S*"  # whatever could be an address
    r"|(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])"  # IPv4
    r"|(?<![\w:])(?=[0-9a-fA-F:]*:[0-9a-fA-F]*:)[0-9a-fA-F:]{3,}(?:\.\d{1,3}){0,3}"  # IPv6
    r"|\+\d[\d ()-]{6,}\d"  # a phone number
    r"|[\w-]{32,}"  # a token, a hash
)

_SHOWN = frozenset({
    "trigger", "type", "time", "date", "specversion", "strategy", "protocol", "countryCode", "subdivisionCode", "error",
})  # fmt: skip
"""Members whose text says nothing about a person."""

_HOST_ENDS = re.compile(r"[/?#\\]")


def mask(text: str) -> str:
    """Return the text without addresses, tokens and whatever else could be a person's or a secret."""
    return _PRIVATE.sub(MASK, redact_text(text).replace(REDACTED, MASK))


def mask_input(raw: bytes) -> Any:
    """Return what an input looks like, without its texts: JSON in its structure, else how long it is and its digest."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return f"no JSON: {len(raw)} bytes, SHA-256 {hashlib.sha256(raw).hexdigest()[:16]}…"
    return _structure(document, shown=False)


def _structure(value: Any, *, shown: bool) -> Any:
    match value:
        case dict():
            return {mask(name): _structure(inner, shown=name in _SHOWN) for name, inner in value.items()}
        case list():
            return [_structure(inner, shown=False) for inner in value]
        case str():
            return mask(value) if shown else MASK
        case _:
            return value


def mask_endpoint(endpoint: str) -> str:
    """Return an endpoint's name, of a URL only its host: paths and queries hold keys."""
    scheme, is_url, rest = endpoint.partition("://")
    if not is_url:
        return endpoint
    return f"{scheme}://{_HOST_ENDS.split(rest)[0].rpartition('@')[2]}/…"
