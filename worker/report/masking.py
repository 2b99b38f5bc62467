"""What a report shows of texts that may hold more than they should."""

from __future__ import annotations

import re

from worker.telemetry.redaction import REDACTED, redact_text

MASK = "•••"
_PRIVATE = re.compile(
    r"\S*@\S*"  # whatever could be an address
    r"|(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])"  # IPv4
    r"|(?<![\w:])(?=[0-9a-fA-F:]*:[0-9a-fA-F]*:)[0-9a-fA-F:]{3,}(?:\.\d{1,3}){0,3}"  # IPv6
    r"|\+\d[\d ()-]{6,}\d"  # a phone number
    r"|[\w-]{32,}"  # a token, a hash
)

_HOST_ENDS = re.compile(r"[/?#\\]")


def mask(text: str) -> str:
    """Return the text without addresses, tokens and whatever else could be a person's or a secret."""
    return _PRIVATE.sub(MASK, redact_text(text).replace(REDACTED, MASK))


def mask_endpoint(endpoint: str) -> str:
    """Return an endpoint's name, of a URL only its host: paths and queries hold keys."""
    scheme, is_url, rest = endpoint.partition("://")
    if not is_url:
        return endpoint
    return f"{scheme}://{_HOST_ENDS.split(rest)[0].rpartition('@')[2]}/…"
