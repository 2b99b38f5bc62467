"""Running async handlers. No test waits for time to pass."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from tests.handlers.factories import (
    AT_ONCE,
    LONG,
    calls_of,
    denying,
    dispatch_one,
    frame_of,
    line_of,
    make_call,
    make_dispatcher,
    of_subjects,
)
from worker import Handlers
from worker.handlers.dispatch import Failure, Outcome


class Gate:
    """Lets async handlers in one by one: what they do is told in `seen`."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.open = asyncio.Event()
        self.waiting = asyncio.Semaphore(0)

    async def pass_through(self, name: str) -> None:
        self.seen.append(f"{name} in")
        self.waiting.release()
        await self.open.wait()
        self.seen.append(f"{name} out")


def gated(gate: Gate, **options: Any) -> Handlers:
    handlers = Handlers()

    @handlers.post_login(**({"timeout": LONG} | options))
    async def wait(event: Any, api: Any) -> None:
        await gate.pass_through(event.user.user_id)
        api.access.deny(event.user.user_id)

    return handlers


async def test_subjects_run_concurrently_each_in_its_order() -> None:
    gate = Gate()
    calls = of_subjects(("a1", "a"), ("b1", "b"), ("a2", "a"), ("alone1", None), ("alone2", None))
    running = asyncio.create_task(make_dispatcher(gated(gate)).dispatch(calls))
    for _ in range(4):
        await gate.waiting.acquire()
    assert sorted(gate.seen) == ["a1 in", "alone1 in", "alone2 in", "b1 in"]
    gate.open.set()
    outcomes = await running
    assert [calls_of(outcome)[0][2] for outcome in outcomes] == [["a1"], ["b1"], ["a2"], ["alone1"], ["alone2"]]
    assert gate.seen.index("a1 out") < gate.seen.index("a2 in")


async def test_only_so_many_run_at_a_time_over_all_batches() -> None:
    gate = Gate()
    dispatcher = make_dispatcher(gated(gate), max_concurrent=2)
    batches = [
        asyncio.create_task(dispatcher.dispatch(of_subjects(*pairs)))
        for pairs in (
            [("a", "a"), ("b", "b")],
            [("c", "c")],
        )
    ]
    for _ in range(2):
        await gate.waiting.acquire()
    assert gate.seen == ["a in", "b in"]
    gate.open.set()
    await asyncio.gather(*batches)
    assert sorted(gate.seen) == [f"{name} {way}" for name in "abc" for way in ("in", "out")]


async def test_plain_and_async_handlers_of_an_event_run_in_order() -> None:
    handlers = denying("plain")

    @handlers.post_login
    async def later(_: Any, api: Any) -> None:
        api.access.deny("later")

    handlers.post_login(denying("last").registered[0].function)
    outcome = await dispatch_one(handlers)
    assert [handler for handler, _, _ in calls_of(outcome)] == ["plain", "later", "last"]


async def test_a_failure_is_one_as_of_plain_handlers() -> None:
    handlers = Handlers()

    @handlers.post_login
    async def breaks(_: Any, __: Any) -> None:
        raise KeyError

    outcome = await dispatch_one(handlers)
    message = f"handler breaks failed: KeyError at {line_of(breaks, 2)}"
    assert outcome == Outcome(failure=Failure("handler_failed", message, (frame_of(breaks, 2),)))


async def test_one_that_hangs_times_out_and_others_go_on() -> None:
    handlers = Handlers()

    @handlers.post_login(timeout=AT_ONCE)
    async def hangs(event: Any, api: Any) -> None:
        api.access.deny("half")
        if event.user.user_id == "stuck":
            await asyncio.Event().wait()

    outcomes = await make_dispatcher(handlers).dispatch(of_subjects(("stuck", "a"), ("fine", "b")))
    message = "handler hangs timed out after 0.001 s"
    assert outcomes[0] == Outcome(failure=Failure("handler_timeout", message, (frame_of(hangs, 0),)))
    assert calls_of(outcomes[1]) == [("hangs", "access.deny", ["half"])]


async def test_one_that_raises_when_its_time_is_over_has_timed_out() -> None:
    handlers = Handlers()

    @handlers.post_login(timeout=AT_ONCE)
    async def untidy(_: Any, __: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError

    outcome = await dispatch_one(handlers)
    assert outcome.failure is not None
    assert outcome.failure.reason == "handler_timeout"


async def test_one_that_ignores_that_its_time_is_over_has_timed_out() -> None:
    handlers = Handlers()

    @handlers.post_login(timeout=AT_ONCE)
    async def stubborn(_: Any, __: Any) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    outcome = await dispatch_one(handlers)
    assert outcome.failure is not None
    assert outcome.failure.reason == "handler_timeout"


async def test_its_own_timeout_error_is_a_failure() -> None:
    handlers = Handlers()

    @handlers.post_login
    async def impatient(_: Any, __: Any) -> None:
        raise TimeoutError

    outcome = await dispatch_one(handlers)
    assert outcome.failure is not None
    assert outcome.failure.reason == "handler_failed"


@pytest.mark.parametrize("error", [asyncio.CancelledError, SystemExit])
async def test_cancelling_itself_or_exiting_is_a_failure(error: type[BaseException]) -> None:
    handlers = Handlers()

    @handlers.post_login
    async def gives_up(_: Any, __: Any) -> None:
        raise error

    outcome = await dispatch_one(handlers)
    assert outcome.failure is not None
    assert error.__name__ in outcome.failure.message


async def test_cancelling_the_batch_cancels_the_handlers() -> None:
    gate = Gate()
    dispatcher = make_dispatcher(gated(gate))
    running = asyncio.create_task(dispatcher.dispatch(of_subjects(("a", "a"))))
    await gate.waiting.acquire()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert gate.seen == ["a in"]
    assert dispatcher.counts()[0]["calls"] == 0


async def test_stop_ends_the_batch() -> None:
    handlers = Handlers()

    @handlers.post_login(on_error="stop")
    async def stops(_: Any, __: Any) -> None:
        raise KeyError

    dispatcher = make_dispatcher(handlers, max_concurrent=1)
    outcomes = await dispatcher.dispatch(of_subjects(("a1", "a"), ("a2", "a"), ("b", "b")))
    assert [bool(outcome.stop) for outcome in outcomes] == [True, False, False]
    assert dispatcher.counts()[0]["calls"] == 1


async def test_triggers_without_async_handlers_run_straight_through() -> None:
    gate = Gate()
    dispatcher = make_dispatcher(gated(gate))
    coroutine = dispatcher.dispatch([make_call(kind="post_user_registration")])
    with pytest.raises(StopIteration) as ended:
        coroutine.send(None)
    assert ended.value.value == [Outcome()]
