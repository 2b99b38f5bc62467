"""Running the handlers of a batch: each event's in order, what they recorded or how they failed as plain values.

Most handlers are plain functions that take microseconds, so a batch without async or blocking handlers runs straight
through: no task, no await, no thread. Otherwise events of one subject (`order_key`) run in order, those of different
subjects concurrently. A plain function can't be interrupted; one that took too long has failed afterwards.

Nothing is logged and no exception's text goes out: it may quote the event.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import msgspec

from worker.handlers.api import Api
from worker.handlers.cache import Cache
from worker.handlers.errors import WrongUseError
from worker.handlers.events import Event
from worker.handlers.outcomes import NOTHING, Call, Failure, Outcome, Told, failed, timed_out
from worker.handlers.plans import TYPES, Step, make_plan
from worker.handlers.recorder import Recorder
from worker.handlers.registry import Registry
from worker.handlers.run import Run
from worker.handlers.threads import Threads

__all__ = ["Call", "Dispatcher", "Failure", "Outcome"]

MAX_CONCURRENT = 64  # subjects whose handlers run at the same time, and threads: a free thread for each of them


class Dispatcher:
    """Runs the handlers of a registry; `clock` measures them in seconds, `unix_clock` dates the api's cache.

    `timed`, if given, is told each handler's name, its trigger and how long it took in seconds, also if it failed; for
    handlers that block, from their threads. `told`, if given, hears of every failure, also of those that are skipped.
    One dispatcher belongs to one event loop; several batches may be dispatched at once.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        clock: Callable[[], float] = time.monotonic,
        unix_clock: Callable[[], float] = time.time,
        max_concurrent: int = MAX_CONCURRENT,
        timed: Callable[[str, str, float], None] | None = None,
        told: Told | None = None,
    ) -> None:
        self._clock = clock
        self._timed = timed
        self._plans = {kind: make_plan(kind, registry, Cache(unix_clock), told) for kind in TYPES}
        self._max_concurrent = max_concurrent
        self._places = asyncio.Semaphore(max_concurrent)
        self._threads = Threads(max_concurrent)

    async def dispatch(self, calls: Sequence[Call]) -> list[Outcome]:
        """Run the handlers of a batch; one outcome per call, in order. After a stop the rest may not have run."""
        if any(self._plans[kind].waits for kind in {call.kind for call in calls}):
            return await self._dispatch_concurrently(calls)
        outcomes: list[Outcome] = []
        for call in calls:
            outcomes.append(self._run_through(call))
            if outcomes[-1].stop is not None:
                return outcomes + [NOTHING] * (len(calls) - len(outcomes))
        return outcomes

    def counts(self) -> list[dict[str, Any]]:
        """Return a snapshot of what became of each handler's calls.

        Its entries: `name`, `trigger`, `calls`, `errors`, `timeouts`, `skipped` (failures under `on_error="skip"`),
        `commands` and `enrollments` (that went out).
        """
        steps = [step for plan in self._plans.values() for step in plan.steps]
        return [
            {"name": step.handler.name, "trigger": step.handler.trigger, **msgspec.structs.asdict(step.counts)}
            for step in steps
        ]

    async def aclose(self) -> None:
        """Let go of the threads; one that is stuck does not keep anything waiting."""
        self._threads.close()

    async def _dispatch_concurrently(self, calls: Sequence[Call]) -> list[Outcome]:
        outcomes = [NOTHING] * len(calls)
        groups = _groups(calls)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(len(groups), self._max_concurrent)):
                tasks.create_task(self._drain(groups, calls, outcomes))
        return outcomes

    async def _drain(self, groups: deque[list[int]], calls: Sequence[Call], outcomes: list[Outcome]) -> None:
        """Run group after group until none is left."""
        while groups:
            async with self._places:
                for index in groups.popleft() if groups else ():
                    outcomes[index] = await self._run(calls[index])
                    if outcomes[index].stop is not None:
                        groups.clear()
                        return

    def _run_through(self, call: Call) -> Outcome:
        """Run plain handlers, here and now."""
        plan = self._plans[call.kind]
        steps = plan.applicable(call)
        if not steps:
            return NOTHING
        run = Run(plan, call)
        for step in steps:
            recorder = Recorder(step.label)
            run.settle(step, recorder, self._call(step, run.event, run.api(recorder)))
            if run.stopped:
                break
        return run.outcome()

    async def _run(self, call: Call) -> Outcome:
        """Run handlers of all kinds."""
        plan = self._plans[call.kind]
        run = Run(plan, call)
        for step in plan.applicable(call):
            recorder = Recorder(step.label)
            api = run.api(recorder)
            if step.handler.is_async:
                failure = await self._await(step, run.event, api)
            elif step.handler.options.blocking:
                failure = await self._call_in_thread(step, run.event, api)
            else:
                failure = self._call(step, run.event, api)
            run.settle(step, recorder, failure)
            if run.stopped:
                break
        return run.outcome()

    def _call(self, step: Step, event: Event, api: Api) -> Failure | None:
        started, failure = self._clock(), None
        try:
            result = step.function(event, api)
            if result is not None:
                _refuse_awaitable(result)
        except (Exception, SystemExit, asyncio.CancelledError) as error:  # noqa: BLE001 - all that a handler may raise
            failure = failed(step.handler, error)
        seconds = self._clock() - started
        if self._timed is not None:
            self._timed(step.handler.name, step.handler.trigger, seconds)
        return timed_out(step.handler) if failure is None and seconds > step.timeout else failure

    async def _call_in_thread(self, step: Step, event: Event, api: Api) -> Failure | None:
        try:
            return await self._threads.run(lambda: self._call(step, event, api), step.timeout)
        except TimeoutError:
            return timed_out(step.handler)

    async def _await(self, step: Step, event: Event, api: Api) -> Failure | None:
        started, limit = self._clock(), asyncio.timeout(step.timeout)
        try:
            async with limit:
                await step.function(event, api)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # the worker is stopping: not the handler's doing
                raise
            return failed(step.handler, error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - all that a handler may raise
            return timed_out(step.handler) if limit.expired() else failed(step.handler, error)
        finally:
            if self._timed is not None:
                self._timed(step.handler.name, step.handler.trigger, self._clock() - started)
        return timed_out(step.handler) if limit.expired() else None


def _groups(calls: Sequence[Call]) -> deque[list[int]]:
    """Return the positions of the calls, those that must run in order together."""
    alone: list[list[int]] = []
    ordered: dict[bytes | str, list[int]] = {}
    for index, call in enumerate(calls):
        if call.order_key is None:
            alone.append([index])
        else:
            ordered.setdefault(call.order_key, []).append(index)
    return deque([*ordered.values(), *alone])


def _refuse_awaitable(result: object) -> None:
    """Refuse the coroutine of a wrapped async function: nobody would await it. Other results mean nothing."""
    if isinstance(result, Coroutine):
        result.close()
    if isinstance(result, Awaitable):
        raise WrongUseError("a plain handler returned an awaitable; register an async function")
