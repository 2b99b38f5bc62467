"""How long handlers take is told to whoever asks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.handlers.factories import AT_ONCE, Clock, make_call, make_dispatcher
from worker import Handlers


async def timings(clock: Clock, handlers: Handlers) -> list[tuple[str, str, float]]:
    told: list[tuple[str, str, float]] = []
    dispatcher = make_dispatcher(handlers, clock=clock, timed=lambda *each: told.append(each))
    await dispatcher.dispatch([make_call()])
    await dispatcher.aclose()
    return told


async def test_a_plain_handler_is_timed() -> None:
    handlers, clock = Handlers(), Clock()

    @handlers.post_login
    def slow(_: Any, __: Any) -> None:
        clock.now += 0.25

    assert await timings(clock, handlers) == [("slow", "post_login", 0.25)]


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_handler_that_fails_is_timed_too(blocking: bool) -> None:  # noqa: FBT001 - a case
    handlers, clock = Handlers(), Clock()

    @handlers.post_login(blocking=blocking)
    def broken(_: Any, __: Any) -> None:
        clock.now += 0.5
        raise ValueError

    assert await timings(clock, handlers) == [("broken", "post_login", 0.5)]


async def test_an_async_handler_is_timed() -> None:
    handlers, clock = Handlers(), Clock()

    @handlers.post_login
    async def waits(_: Any, __: Any) -> None:
        clock.now += 0.75

    assert await timings(clock, handlers) == [("waits", "post_login", 0.75)]


async def test_an_async_handler_that_overstays_its_time_is_timed() -> None:
    handlers, clock = Handlers(), Clock()

    @handlers.post_login(timeout=AT_ONCE)
    async def hangs(_: Any, __: Any) -> None:
        await asyncio.Event().wait()

    assert await timings(clock, handlers) == [("hangs", "post_login", 0.0)]


async def test_handlers_of_one_event_are_timed_in_order() -> None:
    handlers, clock = Handlers(), Clock()
    for name in ("a", "b"):

        def handle(_: Any, __: Any) -> None:
            clock.now += 1.0

        handle.__name__ = name
        handlers.post_login(handle)
    assert await timings(clock, handlers) == [("a", "post_login", 1.0), ("b", "post_login", 1.0)]
