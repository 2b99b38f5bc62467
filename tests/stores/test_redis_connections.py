from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from redis.exceptions import ResponseError

from deploy.dev.servers import Redis
from tests.tcp_proxy import TcpProxy
from worker.stores.redis_connections import Connections

_LARGE = b"x" * (32 << 20)  # more than the sockets of both sides take


async def test_calls_at_the_same_time_share_a_few_connections(proxy: TcpProxy) -> None:
    async with aclosing(Connections(f"redis://127.0.0.1:{proxy.port}", timeout=10)) as connections:
        answers = await asyncio.gather(*(connections.call("ECHO", str(number)) for number in range(100)))
        assert answers == [str(number).encode() for number in range(100)]
        assert proxy.connections <= 8


async def test_a_call_that_fails_leaves_no_connection_behind(proxy: TcpProxy) -> None:
    async with aclosing(Connections(f"redis://127.0.0.1:{proxy.port}", timeout=10)) as connections:
        await asyncio.gather(connections.call("PING"), connections.call("PING"))
        with pytest.raises(ResponseError):
            await connections.call("NONSENSE")
        await asyncio.gather(connections.call("PING"), connections.call("PING"))
        assert proxy.connections == 4


async def test_an_url_chooses_the_database_but_not_how_answers_are_read(redis: Redis) -> None:
    url = f"redis://127.0.0.1:{redis.port}/3?decode_responses=true&protocol=3"
    async with aclosing(Connections(url, timeout=10)) as connections:
        assert await connections.call("ECHO", b"\xff") == b"\xff"
        assert b" db=3 " in await connections.call("CLIENT", "INFO")


async def test_what_a_peer_did_not_read_in_time_is_not_sent_later() -> None:
    may_read, read = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await may_read.wait()
        size = 0
        try:
            while piece := await reader.read(1 << 20):
                size += len(piece)
        except ConnectionResetError:
            pass
        writer.close()
        read.set_result(size)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        connections = Connections(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout=0.2)
        with pytest.raises(TimeoutError):
            await connections.call("ECHO", _LARGE)
        may_read.set()
        assert await read < len(_LARGE)
