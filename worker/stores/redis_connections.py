"""A few connections to one Redis, each lent to one call at a time.

The client's own pool awaits when a connection is given back, so a call that is cancelled twice can lose one for good.
Here taking and giving back are plain assignments, and a connection is kept only if its answer was read to the end.
"""

from __future__ import annotations

import asyncio
from typing import Any

import hiredis
from redis.asyncio.connection import AbstractConnection, Connection, parse_url

from worker.stores.redis_errors import StoreRefusedError, masked

_CONNECTIONS = 8


class Connections:
    """Sends commands to the server at `url`; each has `timeout` seconds from connecting to the end of its answer.

    Raises:
        StoreRefusedError: the url is none of Redis's.
    """

    def __init__(self, url: str, timeout: float) -> None:
        try:
            options: dict[str, Any] = dict(parse_url(url))
        except ValueError:
            raise StoreRefusedError(
                f"redis.url {masked(url)}: expected redis://host:port/database or rediss://"
            ) from None
        self.url = url
        self._class: type[AbstractConnection] = options.pop("connection_class", Connection)
        # Answers are bytes, time-outs are kept here, and a handshake takes no more than it must.
        own = {"protocol": 2, "driver_info": None, "decode_responses": False}
        self._options = options | own | {"socket_timeout": None, "socket_connect_timeout": None}
        self._timeout = timeout
        self._slots = asyncio.Semaphore(_CONNECTIONS)
        self._idle: list[AbstractConnection] = []

    async def call(self, *command: str | bytes | int) -> Any:
        """Send a command and return the answer.

        Raises:
            RedisError: the server answered with an error, or the connection broke.
            OSError: there is no connection; TimeoutError: no answer in time.
        """
        async with self._slots:
            connection = self._idle.pop() if self._idle else self._class(**self._options)
            writer = None
            try:
                async with asyncio.timeout(self._timeout):
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

    async def aclose(self) -> None:
        """Close the connections that no call uses."""
        await self._drop()

    async def _drop(self, *broken: AbstractConnection) -> None:
        """Close them and the idle ones, which are as old: whatever happened, the next call finds a new one."""
        idle, self._idle = self._idle, []
        for connection in (*broken, *idle):
            await connection.disconnect(nowait=True)
