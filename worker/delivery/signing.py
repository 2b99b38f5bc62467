"""Signatures as Standard Webhooks 1.0.0 has them: https://www.standardwebhooks.com."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256

from multidict import istr

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64  # bytes of a key; no longer than a block of SHA-256, which HMAC would shorten
_BLOCK = 64
_ID, _TIMESTAMP, _SIGNATURE = istr("webhook-id"), istr("webhook-timestamp"), istr("webhook-signature")


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
        self._keys = [_Key(key_of(secret)) for secret in secrets]

    @property
    def signs(self) -> bool:
        """Tell whether there is a secret to sign with."""
        return bool(self._keys)

    def headers(self, id_: str, timestamp: int, body: bytes) -> dict[str, str]:
        """Return the headers of an attempt at that time (Unix seconds)."""
        found: dict[str, str] = {_ID: id_, _TIMESTAMP: str(timestamp)}
        if self._keys:
            signed = b"%b.%d.%b" % (id_.encode(), timestamp, body)
            found[_SIGNATURE] = " ".join([key.signature(signed) for key in self._keys])
        return found


class _Key:
    """HMAC-SHA256 (RFC 2104) that hashes the block of the key once; `hmac.digest` takes twice the time."""

    def __init__(self, key: bytes) -> None:
        block = key.ljust(_BLOCK, b"\0")
        self._inner = sha256(bytes(each ^ 0x36 for each in block))
        self._outer = sha256(bytes(each ^ 0x5C for each in block))

    def signature(self, signed: bytes) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(signed)
        outer.update(inner.digest())
        return "v1," + b64encode(outer.digest()).decode()
