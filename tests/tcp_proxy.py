"""A TCP proxy that can be told to misbehave: hold back what passes, let nothing through, cut, be slow.

It runs in a thread with a loop of its own, so that tests can use it from a loop, from a thread or for other processes:

    with TcpProxy("127.0.0.1", 6379) as proxy:
        proxy.blackhole()
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

_CHUNK = 1 << 16


class TcpProxy:
    """Passes connections of `port` on to a server; every method may be called from any thread."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)
        self._open = asyncio.Event()
        self._delay = 0.0
        self._pipes: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.connections = 0

    def __enter__(self) -> Self:
        """Start, passing everything."""
        self._thread.start()
        self._call(self._listen)
        return self

    def __exit__(self, *_: object) -> None:
        """Cut all connections and listen no more."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def pass_(self) -> None:
        """Let everything through, also what was held back."""
        self._call(self._pass)

    def blackhole(self) -> None:
        """Accept connections and bytes, and let nothing through in either direction."""
        self._call(self._hold)

    def slow(self, seconds: float) -> None:
        """Let everything through, each piece after that time."""
        self._call(self._pass, seconds)

    def cut(self) -> None:
        """Break the connections of this moment; new ones are treated as before."""
        self._call(self._cut)

    def lead_to(self, port: int) -> None:
        """Break the connections of this moment and connect to that port from now on."""
        self._call(self._lead_to, port)

    def _call(self, act: Callable[..., object], *arguments: object) -> None:
        """Run it in the proxy's loop and wait until it is done."""

        async def run() -> None:
            found = act(*arguments)
            if asyncio.iscoroutine(found):
                await found

        asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    async def _listen(self) -> None:
        self._open.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        pipes = [*self._pipes]
        self._cut()
        await asyncio.gather(*pipes, return_exceptions=True)

    def _pass(self, delay: float = 0.0) -> None:
        self._delay = delay
        self._open.set()

    def _hold(self) -> None:
        self._open.clear()

    def _lead_to(self, port: int) -> None:
        self._target = (self._target[0], port)
        self._cut()

    def _cut(self) -> None:
        for pipe in self._pipes:
            pipe.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        pipe = asyncio.ensure_future(self._connect(reader, writer))
        self._pipes.add(pipe)
        pipe.add_done_callback(self._pipes.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._open.wait()
            there, onward = await asyncio.open_connection(*self._target)
            try:
                await self._pump_both((reader, onward), (there, writer))
            finally:
                onward.transport.abort()
        except OSError:
            pass  # the server is away: to the client the connection breaks
        finally:
            writer.transport.abort()

    async def _pump_both(self, *ways: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        """Pump until one side ends."""
        pumps = [asyncio.ensure_future(self._pump(*way)) for way in ways]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(_CHUNK):
                await self._open.wait()
                await asyncio.sleep(self._delay)
                writer.write(piece)
                await writer.drain()
