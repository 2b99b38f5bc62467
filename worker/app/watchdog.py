"""A watchdog outside the event loop: a process that is frozen ends, and says where every thread stands.

A handler that never returns, or a regular expression that takes for ever, keeps the event loop from everything, also
from noticing. The thread that waits here is one of C and needs nothing from Python, not even its lock. The stacks that
it writes to stderr are files, lines and functions: no values. It looks at threads that may run on, which can crash the
process; it ends either way.
"""

from __future__ import annotations

import asyncio
import faulthandler
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from worker.telemetry import logs

_FEEDS = 10


@asynccontextmanager
async def watchdog(seconds: int) -> AsyncIterator[None]:
    """End the process with exit code 1 if its event loop stands still for that long; 0: never."""
    if not seconds:
        yield
        return
    _feed(seconds)
    feeding = asyncio.create_task(_keep_fed(seconds), name="watchdog")
    logs.info("watchdog_armed", seconds=seconds)
    try:
        yield
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])
        faulthandler.cancel_dump_traceback_later()


async def _keep_fed(seconds: int) -> None:
    while True:
        await asyncio.sleep(seconds / _FEEDS)
        _feed(seconds)


def _feed(seconds: int) -> None:
    faulthandler.dump_traceback_later(seconds, exit=True)
