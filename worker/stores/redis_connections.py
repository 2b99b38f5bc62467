"""A few connections to one Redis, or to the primary of its Sentinels, each lent to one call at a time.

The client's own pool awaits when a connection is given back, so a call that is cancelled twice can lose one for good.
Here taking and giving back are plain assignments, and a connection is kept only if its answers were read to the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import AskError, MasterDownError, NoScriptError, RedisError, ResponseError, TryAgainError

from worker.stores.redis_client import Client, Command, Part
from worker.stores.redis_errors import StoreRefusedError, masked
from worker.stores.redis_urls import EXPECTED, Target, parse

_CONNECTIONS = 8
_HARMLESS = (NoScriptError, AskError, TryAgainError)  # what a server in good order answers as well


class Pool:
    """Connections to one server, which `connect` makes; a send has `timeout` seconds to the end of its answers."""

    def __init__(self, connect: Callable[[], Awaitable[AbstractConnection]], timeout: float) -> None:
        self._connect = connect
        self._timeout = timeout
        self._slots = asyncio.Semaphore(_CONNECTIONS)
        self._idle: list[AbstractConnection] = []
        self._closed = False

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands at once and return their answers; one that the server refused has an error for an answer.

        Raises:
            RedisError: the connection broke.
            OSError: there is no connection; TimeoutError: not all is answered in time.
        """
        async with self._slots, asyncio.timeout(self._timeout):
            connection = self._idle.pop() if self._idle else await self._connect()
            writer = None
            try:
                await connection.connect()  # type: ignore[no-untyped-call] # the client's annotations have gaps
                writer = connection._writer  # noqa: SLF001 - closing alone would still send what the peer did not read
                packed = b"".join([hiredis.pack_command(each) for each in commands])  # type: ignore[arg-type] # a pair
                await connection.send_packed_command(packed, check_health=False)
                answers = [await _answer(connection) for _ in commands]
            except BaseException:  # also when cancelled: an answer that nobody read would be the next call's
                if writer is not None:
                    writer.transport.abort()
                await self._drop(connection)
                raise
            if self._closed or any(_is_harmful(answer) for answer in answers):
                await self._drop(connection)
            else:
                self._idle.append(connection)
            return answers

    async def aclose(self) -> None:
        """Close the connections that no call uses, and the others after their calls."""
        self._closed = True
        await self._drop()

    async def _drop(self, *broken: AbstractConnection) -> None:
        """Close them and the idle ones, which are as old: whatever happened, the next call finds a new one."""
        idle, self._idle = self._idle, []
        for connection in (*broken, *idle):
            await connection.disconnect(nowait=True)


async def _answer(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


def _is_harmful(answer: object) -> bool:
    return isinstance(answer, RedisError) and not isinstance(answer, _HARMLESS)


class Connections(Client):
    """Sends commands to the server of `url`; each call has `timeout` seconds from connecting to the last answer.

    Raises:
        StoreRefusedError: the url is none of Redis's.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self.url = url
        self._target = target_of(url)
        self._sentinels = _Sentinels(self._target, timeout) if self._target.sentinels else None
        self._pool = Pool(self._new, timeout)

    async def ask_servers(self, *command: Part) -> dict[str, Any]:
        """Send a command to the server."""
        return {masked(self.url): await self.call(*command)}

    async def aclose(self) -> None:
        """Close the connections that no call uses."""
        await self._pool.aclose()

    async def _send(self, commands: Sequence[Command]) -> list[Any]:
        return await self._pool.send(commands)

    async def _new(self) -> AbstractConnection:
        if self._sentinels is None:
            return self._target.connection()
        return self._target.connection(*await self._sentinels.primary())


def target_of(url: str) -> Target:
    """Read a url.

    Raises:
        StoreRefusedError: it is none of Redis's.
    """
    try:
        return parse(url)
    except ValueError:
        raise StoreRefusedError(f"redis.url {masked(url)}: expected {EXPECTED}") from None


class _Sentinels:
    """Asks one Sentinel after the other where the primary is, the one that answered last first.

    Every new connection asks, and whatever fails leaves no connection: so calls follow a fail-over by themselves.
    """

    def __init__(self, target: Target, timeout: float) -> None:
        self._target = target
        self._addresses = list(target.sentinels)
        self._timeout = timeout / (len(self._addresses) + 1)  # one that does not answer leaves time for the others

    async def primary(self) -> tuple[str, int]:
        """Return host and port.

        Raises:
            MasterDownError: no Sentinel answers, or none knows the service.
        """
        reasons = []
        for address in list(self._addresses):
            try:
                async with asyncio.timeout(self._timeout):
                    found = await self._ask(*address)
            except (RedisError, OSError) as error:
                reasons.append(f"{address[0]}:{address[1]} {str(error) or type(error).__name__}")
                continue
            if found is None:
                reasons.append(f"{address[0]}:{address[1]} knows no service {self._target.service}")
                continue
            self._addresses.remove(address)
            self._addresses.insert(0, address)
            return found[0].decode(), int(found[1])
        raise MasterDownError(f"no Sentinel says where the primary is: {', '.join(reasons)}")

    async def _ask(self, host: str, port: int) -> list[bytes] | None:
        connection = self._target.to_sentinel(host, port)
        try:
            await connection.connect()  # type: ignore[no-untyped-call] # the client's annotations have gaps
            await connection.send_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._target.service)
            found: list[bytes] | None = await connection.read_response()
        finally:
            await connection.disconnect(nowait=True)
        return found
