"""Signatures as Standard Webhooks 1.0.0 has them: https://www.standardwebhooks.com."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64  # bytes of a key


def key_of(secret: str) -> bytes:
    """Return the key of a secret `whsec_<base64>`.

    Raises:
        ValueError: it is none; the message says what was expected, and nothing of the secret.
    """
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(_PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(f"expected {_PREFIX} and {_SHORTEST} to {_LONGEST} bytes in base64")
    return key


class Signer:
    """Signs with every secret of an endpoint: two while one replaces the other; without one nothing is signed."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [key_of(secret) for secret in secrets]

    @property
    def signs(self) -> bool:
        """Tell whether there is a secret to sign with."""
        return bool(self._keys)

    def headers(self, id_: str, timestamp: int, body: bytes) -> dict[str, str]:
        """Return the headers of an attempt at that time (Unix seconds)."""
        found = {"webhook-id": id_, "webhook-timestamp": str(timestamp)}
        if self._keys:
            signed = b"%b.%d.%b" % (id_.encode(), timestamp, body)
            found["webhook-signature"] = " ".join(_signature(key, signed) for key in self._keys)
        return found


def _signature(key: bytes, signed: bytes) -> str:
    return "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()
