"""A few connections to one Redis, or to the primary of its Sentinels, each lent to one call at a time.

The client's own pool awaits when a connection is given back, so a call that is cancelled twice can lose one for good.
Here taking and giving back are plain assignments, and a connection is kept only if its answer was read to the end.
"""

from __future__ import annotations

import asyncio
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import MasterDownError, RedisError

from worker.stores.redis_errors import StoreRefusedError, masked
from worker.stores.redis_urls import EXPECTED, Target, parse

_CONNECTIONS = 8


class Connections:
    """Sends commands to the server of `url`; each has `timeout` seconds from connecting to the end of its answer.

    Raises:
        StoreRefusedError: the url is none of Redis's.
    """

    def __init__(self, url: str, timeout: float) -> None:
        try:
            self._target = parse(url)
        except ValueError:
            raise StoreRefusedError(f"redis.url {masked(url)}: expected {EXPECTED}") from None
        self.url = url
        self._timeout = timeout
        self._sentinels = _Sentinels(self._target, timeout) if self._target.sentinels else None
        self._slots = asyncio.Semaphore(_CONNECTIONS)
        self._idle: list[AbstractConnection] = []

    async def call(self, *command: str | bytes | int) -> Any:
        """Send a command and return the answer.

        Raises:
            RedisError: the server answered with an error, or the connection broke.
            OSError: there is no connection; TimeoutError: no answer in time.
        """
        async with self._slots, asyncio.timeout(self._timeout):
            connection = self._idle.pop() if self._idle else await self._new()
            writer = None
            try:
                await connection.connect()  # type: ignore[no-untyped-call] # the client's annotations have gaps
                writer = connection._writer  # noqa: SLF001 - closing alone would still send what the peer did not read
                packed = hiredis.pack_command(command)  # type: ignore[arg-type] # its stub means a pair
                await connection.send_packed_command(packed, check_health=False)
                answer = await connection.read_response()
            except BaseException:  # also when cancelled: an answer that nobody read would be the next call's
                if writer is not None:
                    writer.transport.abort()
                await self._drop(connection)
                raise
            self._idle.append(connection)
            return answer

    async def _new(self) -> AbstractConnection:
        if self._sentinels is None:
            return self._target.connection()
        return self._target.connection(*await self._sentinels.primary())

    async def aclose(self) -> None:
        """Close the connections that no call uses."""
        await self._drop()

    async def _drop(self, *broken: AbstractConnection) -> None:
        """Close them and the idle ones, which are as old: whatever happened, the next call finds a new one."""
        idle, self._idle = self._idle, []
        for connection in (*broken, *idle):
            await connection.disconnect(nowait=True)


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
