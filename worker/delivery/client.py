"""The HTTP client: one attempt, to an address that may be dialled, without a redirect, within its time.

An address is checked when a socket for it is made, which is the last moment: a check of the URL, or of what its name
was resolved to a moment ago, loses to a name that resolves to something else next time.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Literal, Self

import aiohttp
import msgspec
from multidict import istr
from yarl import URL

from worker.delivery.addresses import Network, may_dial

Outcome = Literal[
    "delivered",  # 2xx
    "gone",  # 410: nobody is there any more
    "throttled",  # 429
    "refused",  # another 4xx
    "redirected",  # 3xx, which is not followed
    "failed",  # 5xx, or no status that means anything
    "timeout",
    "unknown_host",  # the name can't be resolved
    "forbidden_address",  # an address that may not be dialled
    "tls",  # the certificate is not theirs, has expired, or nobody vouches for it
    "connection",  # refused, reset, or closed before there was an answer
    "protocol",  # an answer that is no HTTP
]

_ANSWER_BYTES = 64 << 10
_DRAIN_SECONDS = 1.0
_TOO_MANY_REQUESTS, _UNAVAILABLE, _GONE = 429, 503, 410
_HEADERS = {
    istr("User-Agent"): "experiment-worker",
    istr("Content-Type"): "application/json",
    istr("Accept"): "*/*",
    istr("Accept-Encoding"): "identity",  # nobody looks at answers: nothing is to be unpacked
}


class ForbiddenAddressError(OSError):
    """The address may not be dialled."""


class Answer(msgspec.Struct, frozen=True):
    """What an attempt came to; `status` None: no answer. `retry_after` is in seconds, as the receiver asked."""

    outcome: Outcome
    status: int | None
    retry_after: float | None
    seconds: float
    body: bytes = b""


class Client:
    """Posts bodies; use it as a context. `allowed` are networks that may be dialled besides public addresses."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            limit=0,  # each endpoint has its own
            ttl_dns_cache=10,
            socket_factory=self._socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            headers=_HEADERS,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], seconds: float, *, keep: int = 0) -> Answer:
        """Make one attempt, from resolving the name to the answer's status within so many seconds.

        So many bytes of the answer's body are kept; nobody else ever looks at one.
        """
        assert self._session is not None  # noqa: S101 - a context
        started = time.monotonic()
        status, retry_after, kept = None, None, b""
        try:
            response = await self._session.post(
                _url(url), data=body, headers=headers, allow_redirects=False, timeout=_timeout(seconds)
            )
            status = response.status
            outcome = _of_status(status)
            if status in {_TOO_MANY_REQUESTS, _UNAVAILABLE}:
                retry_after = _retry_after(response.headers.get("Retry-After", ""))
            kept = await _drain(response, keep)
        except Exception as error:  # noqa: BLE001 - whatever a receiver does is an outcome
            outcome = _of_error(error)
        return Answer(outcome, status, retry_after, time.monotonic() - started, kept)

    def _socket(self, info: tuple[Any, ...]) -> socket.socket:
        family, type_, protocol, _, address = info
        if not may_dial(address[0], self._allowed):
            raise ForbiddenAddressError(f"{address[0]} may not be dialled")
        return socket.socket(family, type_, protocol)


@lru_cache(maxsize=64)
def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, ceil_threshold=float("inf"))  # or a long one is rounded up


@lru_cache(maxsize=1024)
def _url(text: str) -> URL:
    return URL(text)


async def _drain(response: aiohttp.ClientResponse, keep: int) -> bytes:
    """Read a short answer, so that its connection serves again; a long or a slow one is cut off. Return its begin."""
    if response.content.is_eof():  # it came with the status, as most do
        return response.content.read_nowait(keep) if keep else b""
    read, kept = 0, b""
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while read < _ANSWER_BYTES and (chunk := await response.content.readany()):
                read += len(chunk)
                kept += chunk[: max(0, keep - len(kept))]
    except Exception:  # noqa: BLE001, S110 - the status has been said
        pass
    finally:
        response.release()  # closes what is not read to the end
    return kept


def _of_status(status: int) -> Outcome:
    match status // 100:
        case 2:
            return "delivered"
        case 3:
            return "redirected"
        case 4:
            return "gone" if status == _GONE else "throttled" if status == _TOO_MANY_REQUESTS else "refused"
        case _:
            return "failed"


def _of_error(error: Exception) -> Outcome:
    match error:
        case TimeoutError():
            return "timeout"
        case aiohttp.ClientSSLError() | ssl.SSLError() | ssl.CertificateError():
            return "tls"
        case aiohttp.ClientConnectorDNSError() | socket.gaierror():
            return "unknown_host"
        case aiohttp.ClientConnectorError() | OSError() if _is_forbidden(error):
            return "forbidden_address"
        case aiohttp.ClientConnectionError() | OSError():
            return "connection"
        case _:
            return "protocol"


def _is_forbidden(error: BaseException | None) -> bool:
    """Tell whether all addresses were forbidden, or the last one was; the causes are looked through."""
    while error is not None:
        if isinstance(error, ForbiddenAddressError) or "may not be dialled" in str(error):
            return True
        error = error.__cause__
    return False


def _retry_after(text: str) -> float | None:
    """Return the seconds that a receiver asks for: a number, or until a date."""
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
