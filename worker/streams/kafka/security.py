"""How the brokers prove who they are, and the worker who it is: TLS, SASL, tokens.

Names of protocols and mechanisms are Kafka's own. OAUTHBEARER takes its token from a file, which somebody else keeps
fresh, or asks an authorization server for one with the client credentials grant (RFC 6749 section 4.4).
"""

from __future__ import annotations

import asyncio
import ssl
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import aiohttp
import msgspec
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import AuthenticationFailedError

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]

_TOKEN_SECONDS = 10.0
_FRESH = 0.8  # of a token's life; then another one is asked for
_DEFAULT_LIFE_S = 300.0  # RFC 6749 only recommends that a server says `expires_in`


class SecurityError(Exception):
    """A file can't be used for TLS; the message names the setting, what was found and what was expected."""


class TokenError(AuthenticationFailedError):  # type: ignore[misc] # aiokafka has no types
    """There is no token; the message names the setting. aiokafka takes it for a login that failed."""


class Tls(msgspec.Struct, frozen=True):
    """Whom to believe (the system's authorities, or those of a file), and the worker's own certificate."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    key_password: str | None = None
    check_hostname: bool = True

    def __repr__(self) -> str:
        return f"Tls({self.ca_file}, {self.cert_file})"  # and no secret

    def context(self) -> ssl.SSLContext:
        """Return the context of all connections.

        Raises:
            SecurityError: a file is missing or holds something else.
        """
        context = _believing(self.ca_file)
        context.check_hostname = self.check_hostname
        if self.cert_file is not None:
            self._present(context, self.cert_file)
        return context

    def _present(self, context: ssl.SSLContext, cert_file: Path) -> None:
        for setting, file in (("ssl_cert_file", cert_file), ("ssl_key_file", self.key_file)):
            if file is not None and not file.is_file():
                raise SecurityError(f"kafka.{setting} = {file}: no such file, expected one in PEM")
        try:
            context.load_cert_chain(cert_file, self.key_file, self.key_password or "")
        except (ssl.SSLError, OSError) as error:
            key = f"kafka.ssl_key_file = {self.key_file}" if self.key_file else "its key in the same file"
            raise SecurityError(
                f"kafka.ssl_cert_file = {cert_file}, {key}: can't be used ({_reason(error)}), expected a"
                " certificate and its private key in PEM, and kafka.ssl_key_password where the key is encrypted"
            ) from error


class TokenFile(AbstractTokenProvider):  # type: ignore[misc] # aiokafka has no types
    """Reads the token anew for each connection."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def token(self) -> str:
        """Return what the file holds.

        Raises:
            TokenError: there is no such file, or nothing in it.
        """
        try:
            text = (await asyncio.to_thread(self._path.read_text, "utf-8")).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise TokenError(f"kafka.sasl_token_file = {self._path}: can't be read ({_reason(error)})") from None
        if not text:
            raise TokenError(f"kafka.sasl_token_file = {self._path}: empty, expected a token")
        return text


class TokenIssuer(AbstractTokenProvider):  # type: ignore[misc] # aiokafka has no types
    """Asks an authorization server for a token, and again once most of its life is over."""

    def __init__(self, url: str, client_id: str, client_secret: str, scope: str | None) -> None:
        self._url = url
        self._auth = aiohttp.encode_basic_auth(client_id, client_secret)
        self._form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        self._token = ""
        self._until = 0.0
        self._asking = asyncio.Lock()

    async def token(self) -> str:
        """Return a token that is good for a while.

        Raises:
            TokenError: the server is not there, or gives none.
        """
        async with self._asking:  # lanes that connect at the same time ask once
            if time.monotonic() >= self._until:
                asked = time.monotonic()
                self._token, life = await self._ask()
                self._until = asked + _FRESH * life
            return self._token

    async def _ask(self) -> tuple[str, float]:
        place = f"kafka.sasl_token_url = {self._url}"
        timeout = aiohttp.ClientTimeout(total=_TOKEN_SECONDS)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                headers = {"Authorization": self._auth, "Accept": "application/json"}
                async with session.post(self._url, data=self._form, headers=headers, allow_redirects=False) as answer:
                    body = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TokenError(f"{place}: no answer ({_reason(error)}), expected an authorization server") from None
        try:
            found = msgspec.json.decode(body, type=_Grant)
        except (msgspec.DecodeError, UnicodeDecodeError):
            found = _Grant()
        if answer.status != _OK or not found.access_token:
            said = f": {found.error[:80]}" if found.error else ""
            raise TokenError(
                f"{place}: status {answer.status}{said}, expected a token for kafka.sasl_client_id and"
                " kafka.sasl_client_secret"
            )
        return found.access_token, found.expires_in or _DEFAULT_LIFE_S


_OK = 200


class _Grant(msgspec.Struct):
    """The answer of an authorization server (RFC 6749 sections 5.1 and 5.2)."""

    access_token: str = ""
    expires_in: float | None = None
    error: str = ""


class Security(msgspec.Struct, frozen=True):
    """What a cluster's listener asks for."""

    protocol: Protocol = "PLAINTEXT"
    tls: Tls = Tls()
    mechanism: Mechanism | None = None
    username: str | None = None
    password: str | None = None
    tokens: AbstractTokenProvider | None = None

    def __repr__(self) -> str:
        return f"Security({self.protocol}, {self.mechanism}, {self.username})"  # and no secret

    def options(self) -> dict[str, Any]:
        """Return the keywords that every client of aiokafka takes.

        Raises:
            SecurityError: a file for TLS can't be used.
        """
        found: dict[str, Any] = {"security_protocol": self.protocol}
        if self.protocol.endswith("SSL"):
            found["ssl_context"] = _context(self.tls)
        if self.protocol.startswith("SASL"):
            found["sasl_mechanism"] = self.mechanism
            found |= {"sasl_plain_username": self.username, "sasl_plain_password": self.password}
            found["sasl_oauth_token_provider"] = self.tokens
        return found


@lru_cache(maxsize=8)
def _context(tls: Tls) -> ssl.SSLContext:
    return tls.context()


def _believing(ca_file: Path | None) -> ssl.SSLContext:
    if ca_file is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (ssl.SSLError, OSError) as error:
        raise SecurityError(
            f"kafka.ssl_ca_file = {ca_file}: can't be used ({_reason(error)}), expected certificates in PEM"
        ) from error


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or type(error).__name__
    return getattr(error, "strerror", None) or type(error).__name__
