from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from deploy.dev.servers import Redis, free_port
from tests.tcp_proxy import TcpProxy


@pytest.fixture
def proxy(redis: Redis) -> Iterator[TcpProxy]:
    with TcpProxy("127.0.0.1", redis.port) as started:
        yield started


def dial(proxy: TcpProxy, timeout: float = 10) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout)


def ping(connection: socket.socket) -> bytes:
    connection.sendall(b"PING\r\n")
    return connection.recv(100)


def has_ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


def test_it_passes_both_ways(proxy: TcpProxy) -> None:
    with dial(proxy) as connection:
        assert ping(connection) == b"+PONG\r\n"
    assert proxy.connections == 1


def test_a_black_hole_accepts_and_holds_back_until_it_may_pass(proxy: TcpProxy) -> None:
    with dial(proxy) as before, dial(proxy, timeout=0.05) as impatient:
        assert ping(before) == b"+PONG\r\n"
        proxy.blackhole()
        before.sendall(b"PING\r\n")
        with pytest.raises(TimeoutError):
            ping(impatient)
        with dial(proxy, timeout=0.05) as new, pytest.raises(TimeoutError):
            ping(new)
        proxy.pass_()
        assert before.recv(100) == b"+PONG\r\n"


def test_cutting_ends_the_connections_of_the_moment(proxy: TcpProxy) -> None:
    with dial(proxy) as before:
        assert ping(before) == b"+PONG\r\n"
        proxy.cut()
        assert has_ended(before)
        with dial(proxy) as after:
            assert ping(after) == b"+PONG\r\n"


def test_it_can_be_slow(proxy: TcpProxy) -> None:
    proxy.slow(0.2)
    with dial(proxy, timeout=0.1) as impatient, pytest.raises(TimeoutError):
        ping(impatient)
    with dial(proxy) as patient:
        assert ping(patient) == b"+PONG\r\n"


def test_a_server_that_is_away_breaks_the_connection() -> None:
    with TcpProxy("127.0.0.1", free_port()) as proxy, dial(proxy) as connection:
        assert has_ended(connection)
