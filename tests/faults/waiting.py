"""Waiting by conditions: the only place that sleeps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

_INTERVAL = 0.05


async def until(
    condition: Callable[[], bool | Awaitable[bool]], seconds: float, what: str, *, interval: float = _INTERVAL
) -> float:
    """Wait until the condition holds and return how long that took.

    Raises:
        TimeoutError: it did not come to hold; the message says what was waited for.
    """
    started = time.monotonic()
    while not await _holds(condition):
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"waited {seconds:.0f} s for: {what}")
        await asyncio.sleep(interval)
    return time.monotonic() - started


async def _holds(condition: Callable[[], bool | Awaitable[bool]]) -> bool:
    answer = condition()
    return answer if isinstance(answer, bool) else await answer
