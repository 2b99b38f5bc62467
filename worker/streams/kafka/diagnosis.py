"""Why no broker could be reached: aiokafka tries them all and keeps the reasons to itself, so each is asked again.

Also the way to each broker step by step, for who wants to know how far it is open.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, Literal, NamedTuple

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from worker.streams.kafka.security import Security, TokenError

_EXPIRED, _NOT_YET, _OTHER_HOST, _OTHER_ADDRESS = 10, 9, 62, 64  # X509_V_ERR_*
_SECONDS = 10.0
_Untrusted = ssl.SSLCertVerificationError


StepName = Literal["dns", "tcp", "tls", "login"]
Look = Callable[[str, int], Awaitable[str]]


class Step(NamedTuple):
    """A step on the way to a broker: what was found, or the `problem`."""

    name: StepName
    place: str
    found: str
    problem: str = ""


async def steps_to(options: Mapping[str, Any], security: Security) -> AsyncGenerator[Step, None]:
    """Yield the steps to each broker of the settings: resolve its name, connect, agree on TLS, log in.

    The first problem on the way to a broker is the last step to it. `options` are aiokafka's keywords.
    """
    context = options.get("ssl_context")
    looks: dict[StepName, Look] = {"dns": _resolve, "tcp": _connect}
    if context is not None:
        looks["tls"] = lambda host, port: _agree_on_tls(host, port, context)
    for host, port, _ in _servers(options):
        place = f"{host}:{port}"
        for name, look in looks.items():
            try:
                async with asyncio.timeout(_SECONDS):
                    step = Step(name, place, await look(host, port))
            except OSError as error:
                step = Step(name, place, "", _meaning(place, error, security))
            yield step
            if step.problem:
                break
        else:
            problem = await _ask(host, port, options, security)
            login = f"by {security.mechanism}" if security.protocol.startswith("SASL") else "without a user"
            yield Step("login", place, "" if problem else f"the broker answers, {login}", problem)


async def _resolve(host: str, port: int) -> str:
    resolved = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return ", ".join(sorted({str(entry[4][0]) for entry in resolved}))


async def _connect(host: str, port: int) -> str:
    began = time.monotonic()
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    return f"connected in {(time.monotonic() - began) * 1000:.0f} ms"


async def _agree_on_tls(host: str, port: int, context: ssl.SSLContext) -> str:
    _, writer = await asyncio.open_connection(host, port, ssl=context)
    tls, certificate = writer.get_extra_info("ssl_object"), writer.get_extra_info("peercert")
    writer.close()
    return f"{tls.version()}, certificate valid until {certificate['notAfter']}"


async def diagnose(options: Mapping[str, Any], security: Security) -> list[str]:
    """Return a line for each broker that can't be reached: where, which setting, what was found and expected.

    `options` are aiokafka's keywords. Empty: they all answer now.
    """
    found = await asyncio.gather(*[_ask(host, port, options, security) for host, port, _ in _servers(options)])
    return [line for line in found if line]


def _servers(options: Mapping[str, Any]) -> list[tuple[str, int, Any]]:
    return sorted(set(collect_hosts(options["bootstrap_servers"])))


async def _ask(host: str, port: int, options: Mapping[str, Any], security: Security) -> str:
    given = {name: value for name, value in options.items() if name != "bootstrap_servers"}
    try:
        async with asyncio.timeout(_SECONDS):
            connection = await create_conn(host, port, request_timeout_ms=int(_SECONDS * 1000), **given)
            try:  # a listener that wants a login refuses this first, and some mechanisms tell their refusal here
                answer = await connection.send(MetadataRequest([]))
            finally:
                connection.close()
    except (OSError, KafkaError) as error:
        return _meaning(f"{host}:{port}", error, security)
    return "" if answer.brokers else f"{host}:{port}: {_hung_up(security)}"


def _meaning(place: str, error: Exception, security: Security) -> str:
    match error:
        case UnsupportedSaslMechanismError():
            found = f"kafka.sasl_mechanism = {security.mechanism}: the broker does not offer it at this port"
        case AuthenticationFailedError() | SaslAuthenticationFailed():
            found = str(error.args[0]) if isinstance(error, TokenError) else _refused_login(security)
        case ssl.SSLError():
            found = _untrusted(error, security) if isinstance(error, _Untrusted) else _no_tls(error, security)
        case OSError() if not (isinstance(error, ConnectionResetError) and security.protocol.endswith("SSL")):
            return f"kafka.bootstrap_servers = {place}: {_unreached(error)}"
        case _:
            found = _hung_up(security)
    return f"{place}: {found}"


def _unreached(error: OSError) -> str:
    match error:
        case socket.gaierror():
            return "the name can't be resolved, expected a broker's host"
        case ConnectionRefusedError():
            return "nobody answers (connection refused), expected a Kafka broker there"
        case TimeoutError():
            return f"nobody answers within {_SECONDS:.0f} s, expected a Kafka broker there, and no firewall before it"
        case _:
            return error.strerror or type(error).__name__


def _refused_login(security: Security) -> str:
    if security.mechanism == "OAUTHBEARER":
        return "kafka.sasl_mechanism = OAUTHBEARER: the broker refuses the token: expired, or not of an issuer it knows"
    return (
        f"kafka.sasl_username = {security.username}: the broker refuses the login by {security.mechanism}, expected"
        " kafka.sasl_password to be this user's"
    )


def _untrusted(error: _Untrusted, security: Security) -> str:
    match error.verify_code:
        case code if code in {_EXPIRED, _NOT_YET}:
            return f"the broker's certificate is not valid today: {error.verify_message}"
        case code if code in {_OTHER_HOST, _OTHER_ADDRESS}:
            found = error.verify_message.rstrip(".")
            return (
                f"the broker's certificate is for somebody else: {found}, expected the name of"
                " kafka.bootstrap_servers in it (kafka.ssl_check_hostname = false would not look)"
            )
        case _:
            believed = security.tls.ca_file or "the system's authorities"
            return (
                f"kafka.ssl_ca_file: the broker's certificate is not trusted ({error.verify_message}), expected"
                f" one that {believed} vouch for"
            )


def _no_tls(error: ssl.SSLError, security: Security) -> str:
    reason = error.reason or "no handshake"
    if "ALERT" in reason or "CERTIFICATE_REQUIRED" in reason:
        return f"kafka.ssl_cert_file: the broker refuses the worker's certificate, or that it has none ({reason})"
    return f"kafka.security_protocol = {security.protocol}: no TLS at this port ({reason})"


def _hung_up(security: Security) -> str:
    found = f"kafka.security_protocol = {security.protocol}: the broker ends the connection"
    if security.protocol == "SSL":
        return f"{found}, expected kafka.ssl_cert_file to be a certificate that it accepts, or its listener's protocol"
    if security.mechanism == "OAUTHBEARER":
        return f"{found}, expected a token that it accepts, or its listener's protocol"
    return f"{found}, expected its listener's protocol"
