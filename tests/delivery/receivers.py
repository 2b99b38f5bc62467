"""Receivers of webhooks on loopback: one that answers as it is told and keeps a ledger, and hostile ones."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Request(NamedTuple):
    """What came: headers by lower-case name, and the body."""

    path: str
    headers: dict[str, str]
    body: bytes


class Listener:
    """A port of 127.0.0.1 that talks to whoever connects, and counts them."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[Request] = []

    def url(self, path: str = "/hook", *, scheme: str = "http", host: str = "127.0.0.1") -> str:
        """Return a URL that leads here."""
        return f"{scheme}://{host}:{self.port}{path}"


@asynccontextmanager
async def listening(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    """Listen on loopback; each connection is talked to in a task of its own."""
    listener = Listener()

    served: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.connections += 1
        task = asyncio.current_task()
        assert task is not None
        served.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # gone, or the test is over
        finally:
            served.discard(task)
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        for each in served:
            each.cancel()
        if served:
            await asyncio.wait(served)


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Read one request whole."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    named = {name.lower(): value for name, value in headers.items()}
    body = await reader.readexactly(int(named.get("content-length", "0")))
    return Request(head[0].split(" ")[1], named, body)


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    """Return an answer whole."""
    lines = [f"HTTP/1.1 {status} It is so", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answering(*answers: bytes) -> Talk:
    """Answer request after request with these, the last one for ever; the requests are kept nowhere."""
    left = list(answers)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(left.pop(0) if len(left) > 1 else left[0])
            await writer.drain()

    return talk


@asynccontextmanager
async def ledger(
    status_of: Callable[[Request], int | bytes] = lambda _: 204, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Listener]:
    """Keep every request, and answer with the status (or the bytes) that it is due."""
    found: list[Listener] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            found[0].requests.append(request)
            due = status_of(request)
            writer.write(due if isinstance(due, bytes) else answer(due))
            await writer.drain()

    async with listening(talk, tls) as listener:
        found.append(listener)
        yield listener


async def slow_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a byte of the answer now and then, and never come to its end."""
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send headers for ever, as fast as they are read."""
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Header: " + b"x" * 1000 + b"\r\n")
        await writer.drain()


async def slow_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer 200 and send a byte of the body now and then."""
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


class Endless:
    """Answers 200 with a body that never ends, as fast as it is read; counts its bytes."""

    def __init__(self) -> None:
        self.sent = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        while True:
            writer.write(chunk)
            await writer.drain()
            self.sent += 0x10000


_BOMB = gzip.compress(bytes(20_000_000))


async def gzip_bomb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with few bytes that unpack to very many."""
    await read_request(reader)
    writer.write(answer(200, "Content-Encoding: gzip", body=_BOMB))
    await writer.drain()


async def hang(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    """Accept and say nothing."""
    await asyncio.sleep(3600)


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Break off in the middle of the request."""
    await reader.read(10)
    writer.transport.abort()


async def no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer something else than HTTP."""
    await read_request(reader)
    writer.write(b"220 smtp.example.com ESMTP\r\n\r\n")
    await writer.drain()
