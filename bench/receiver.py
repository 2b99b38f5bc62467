"""The least of a receiver: answers every POST with 204, and says how long so many took.

`python -m bench.receiver COUNT` prints its port, then the seconds from the first request to the last one.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import cast

import uvloop

_ANSWER = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"


class _Connection(asyncio.Protocol):
    """Counts requests by their heads; bodies are skipped by their length."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep whom to answer."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        buffer = self._buffer + data
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            at = buffer.lower().find(b"content-length: ")
            length = int(buffer[at + 16 : buffer.find(b"\r\n", at)])
            if len(buffer) < end + 4 + length:
                break
            buffer = buffer[end + 4 + length :]
            self._counted.one()
            assert self._transport is not None
            self._transport.write(_ANSWER)
        self._buffer = buffer


class Counted:
    """Counts requests up to so many."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._first = 0.0
        self.seconds: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def one(self) -> None:
        """Count one."""
        self._first = self._first or time.perf_counter()
        self._left -= 1
        if self._left == 0:
            self.seconds.set_result(time.perf_counter() - self._first)


async def receive(count: int) -> None:
    """Receive so many requests."""
    counted = Counted(count)
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(counted), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    print(await counted.seconds, flush=True)


if __name__ == "__main__":
    uvloop.run(receive(int(sys.argv[1])))
