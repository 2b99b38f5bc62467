"""Running handlers that block, in threads. Those that hang are let go when the test is over."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.handlers.factories import (
    AT_ONCE,
    LONG,
    calls_of,
    frame_of,
    line_of,
    make_call,
    make_dispatcher,
    of_subjects,
)
from worker import Handlers
from worker.handlers.dispatch import Dispatcher, Failure, Outcome
from worker.handlers.errors import WrongUseError


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
async def dispatchers() -> Any:
    made: list[Dispatcher] = []

    def make(handlers: Handlers) -> Dispatcher:
        made.append(make_dispatcher(handlers))
        return made[-1]

    yield make
    for dispatcher in made:
        await dispatcher.aclose()


async def test_it_runs_in_a_thread_and_what_it_records_counts(dispatchers: Any) -> None:
    handlers, threads = Handlers(), []

    @handlers.post_login(blocking=True, timeout=LONG)
    def blocks(event: Any, api: Any) -> None:
        threads.append(threading.current_thread())
        api.access.deny(event.user.user_id)

    (outcome,) = await dispatchers(handlers).dispatch([make_call()])
    assert calls_of(outcome) == [("blocks", "access.deny", ["u1"])]
    assert threads != [threading.current_thread()]


async def test_a_failure_names_the_line(dispatchers: Any) -> None:
    handlers = Handlers()

    @handlers.post_login(blocking=True, timeout=LONG)
    def breaks(_: Any, __: Any) -> None:
        raise KeyError

    (outcome,) = await dispatchers(handlers).dispatch([make_call()])
    message = f"handler breaks failed: KeyError at {line_of(breaks, 2)}"
    assert outcome.failure == Failure("handler_failed", message, (frame_of(breaks, 2),))


async def test_one_that_hangs_times_out_and_all_others_go_on(dispatchers: Any, hang: threading.Event) -> None:
    handlers = Handlers()

    @handlers.post_login(blocking=True, timeout=AT_ONCE)
    def hangs(event: Any, _: Any) -> None:
        if event.user.user_id == "stuck":
            hang.wait()

    @handlers.post_login(blocking=True, timeout=LONG)
    def works(event: Any, api: Any) -> None:
        api.access.deny(event.user.user_id)

    dispatcher = dispatchers(handlers)
    (stuck,) = await dispatcher.dispatch(of_subjects(("stuck", "a")))
    assert stuck.failure == Failure("handler_timeout", "handler hangs timed out after 0.001 s", (frame_of(hangs, 0),))
    assert [row["calls"] for row in dispatcher.counts()] == [1, 1]
    assert [row["timeouts"] for row in dispatcher.counts()] == [1, 0]


async def test_what_it_records_too_late_is_refused(dispatchers: Any, hang: threading.Event) -> None:
    handlers, late = Handlers(), []
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    @handlers.post_login(blocking=True, timeout=AT_ONCE, on_error="skip")
    def hangs(_: Any, api: Any) -> None:
        hang.wait()
        try:
            api.access.deny("late")
        except WrongUseError as error:
            late.append(str(error))
        loop.call_soon_threadsafe(done.set)

    (outcome,) = await dispatchers(handlers).dispatch([make_call()])
    hang.set()
    await done.wait()
    assert outcome == Outcome()
    assert late == ["the handler's time is over: its api records nothing any more"]
