"""A bare aiohttp client loop that posts bodies: the least that delivery costs without any of our work.

`python -m bench.plain_post URL FILE CONCURRENCY asyncio|uvloop` posts the lines of the file on that event loop.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import uvloop


async def post(url: str, bodies: Iterator[bytes], concurrency: int) -> None:
    """Post all bodies, so many at once."""

    async def work(session: aiohttp.ClientSession) -> None:
        for body in bodies:
            async with session.post(url, data=body) as response:
                await response.read()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*[work(session) for _ in range(concurrency)])


if __name__ == "__main__":
    url, file, concurrency, loop = sys.argv[1:]
    run = {"asyncio": asyncio.run, "uvloop": uvloop.run}[loop]
    run(post(url, iter(Path(file).read_bytes().splitlines()), int(concurrency)))
