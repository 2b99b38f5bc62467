"""How to connect to the cluster, and what is said when that does not work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError

from worker.streams.kafka.diagnosis import diagnose
from worker.streams.kafka.security import Security, SecurityError

_SETTING = "kafka.bootstrap_servers"
_ANSWER_SECONDS = 10


class ClusterError(Exception):
    """The cluster can't be used as it is; the message says what was found and what was expected."""


class Connection(msgspec.Struct, frozen=True):
    """Where the brokers are (`host:port`, several with commas), how the worker names itself and proves who it is."""

    bootstrap_servers: str
    client_id: str
    security: Security = Security()

    def options(self) -> dict[str, Any]:
        """Return the keywords that every client of aiokafka takes.

        Raises:
            ClusterError: a file for TLS can't be used.
        """
        try:
            secured = self.security.options()
        except SecurityError as error:
            raise ClusterError(str(error)) from error
        return {"bootstrap_servers": self.bootstrap_servers, "client_id": self.client_id, **secured}


@contextmanager
def explained(connection: Connection) -> Iterator[None]:
    """Turn what aiokafka raises within the block into one message.

    Raises:
        ClusterError: a broker did not answer, or refused.
    """
    place = f"{_SETTING} = {connection.bootstrap_servers}"
    try:
        yield
    except (KafkaConnectionError, TimeoutError, OSError) as error:
        raise ClusterError(
            f"{place}: nobody answers (waited for {_ANSWER_SECONDS} s at most), expected a Kafka broker there"
        ) from error
    except KafkaError as error:
        raise ClusterError(f"{place}: the broker refuses: {describe_error(error)}") from error


def describe_error(error: KafkaError) -> str:
    """Return what a broker's error means: its name, and the protocol's description where it has one."""
    meaning = getattr(error, "description", "") or str(error)
    return f"{type(error).__name__}: {meaning}" if meaning else type(error).__name__


@asynccontextmanager
async def administered(connection: Connection) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect for asking about topics and making them; what fails within the block is explained as well.

    Raises:
        ClusterError: no broker answers, or what was asked of it is refused.
    """
    _check_servers(connection.bootstrap_servers)
    admin = AIOKafkaAdminClient(**connection.options(), request_timeout_ms=_ANSWER_SECONDS * 1000)
    try:
        with explained(connection):
            await _start(admin, connection)
            yield admin
    finally:
        await admin.close()


async def _start(admin: AIOKafkaAdminClient, connection: Connection) -> None:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            await admin.start()
        if admin._client.cluster.brokers():  # noqa: SLF001 - a refused token is a login like any other for aiokafka
            return
    except (KafkaConnectionError, TimeoutError):
        pass
    reasons = await diagnose(connection.options(), connection.security)
    if not reasons:  # they answer now
        raise TimeoutError
    raise ClusterError("\n".join(reasons))


async def reach(connection: Connection) -> None:
    """Return when a broker answers.

    Raises:
        ClusterError: none does within 10 s.
    """
    async with administered(connection):
        pass


def _check_servers(text: str) -> None:
    """Refuse what aiokafka would fail on without saying which setting it was; a missing port means 9092."""
    for server in text.split(","):
        host, colon, port = server.strip().rpartition(":")
        ipv6_without_port = server.strip().endswith("]")
        if ipv6_without_port or (not colon and port):
            continue
        if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
            raise ClusterError(f"{_SETTING} = {text}: {server.strip()!r} is no address, expected host:port")
