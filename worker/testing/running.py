"""One event through its handlers, by the worker's own dispatcher."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Literal, NamedTuple

import orjson

from worker.formats.decode import type_name
from worker.handlers.dispatch import Call, Dispatcher, Outcome
from worker.handlers.registry import Handler, Handlers, Registry, merge
from worker.testing.events import event as realistic
from worker.testing.experiments import Experiment
from worker.testing.results import Command, Enrollment, HandlerTimeoutError, Ran
from worker.trigger import TriggerKind

_TRIGGERS = ("post_login", "pre_user_registration", "post_user_registration")
_Failures = Literal["raise", "return"]


def run(
    handlers: Handlers,
    trigger: TriggerKind,
    event: Mapping[str, Any] | None = None,
    experiment: Experiment | None = None,
    *,
    failures: _Failures = "raise",
) -> Ran:
    """Run the handlers of a trigger on one event and return what they recorded.

    `event` is the event object of the Actions reference, a realistic one by default (`worker.testing.event`);
    `experiment` the context, None if no experiment applies. With `failures="return"` a failed handler ends as it
    would in the worker: see `Ran.outcome`. Works with or without a running event loop; in async tests, `arun`.

    Raises:
        whatever a handler raises, whatever its `on_error`.
        HandlerTimeoutError: a handler took longer than its `timeout`.
    """
    __tracebackhide__ = True
    job = functools.partial(_dispatch, handlers, trigger, event, experiment)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _ran(_alone(job), failures)
    with ThreadPoolExecutor(1) as pool:
        return _ran(pool.submit(_alone, job).result(), failures)


def _alone(job: Callable[[], Coroutine[Any, Any, _Dispatched]]) -> _Dispatched:
    """Run in a loop of its own; the thread's current one, which `asyncio.run` would take away, stays."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(job())


async def arun(
    handlers: Handlers,
    trigger: TriggerKind,
    event: Mapping[str, Any] | None = None,
    experiment: Experiment | None = None,
    *,
    failures: _Failures = "raise",
) -> Ran:
    """Do what `run` does, on the running event loop."""
    __tracebackhide__ = True
    return _ran(await _dispatch(handlers, trigger, event, experiment), failures)


class _Raised(NamedTuple):
    error: BaseException
    traceback: TracebackType | None  # from the handler on


class _Dispatched(NamedTuple):
    outcome: Outcome
    raised: Sequence[_Raised]
    late: Sequence[str]  # the names of handlers that took too long


async def _dispatch(
    handlers: Handlers, trigger: TriggerKind, event: Mapping[str, Any] | None, experiment: Experiment | None
) -> _Dispatched:
    if trigger not in _TRIGGERS:
        raise ValueError(f"trigger: found {trigger!r}, expected one of {', '.join(_TRIGGERS)}")
    call, raised = _call(trigger, event, experiment), list[_Raised]()
    dispatcher = Dispatcher(_listening(merge([handlers]), raised))
    try:
        [outcome] = await dispatcher.dispatch([call])
    finally:
        await dispatcher.aclose()
    return _Dispatched(outcome, raised, [each["name"] for each in dispatcher.counts() if each["timeouts"]])


def _call(trigger: TriggerKind, event: Mapping[str, Any] | None, experiment: Experiment | None) -> Call:
    given = realistic(trigger) if event is None else event
    try:
        document = orjson.loads(orjson.dumps(given))
    except TypeError as error:
        raise TypeError(f"event: expected JSON values: {error}") from None
    if not isinstance(document, dict):
        raise TypeError(f"event: found {type_name(document)}, expected an object")
    if experiment is None:
        return Call(trigger, document)
    return Call(trigger, document, experiment.experiment_id, experiment.arm())


def _listening(registry: Registry, raised: list[_Raised]) -> Registry:
    """Return the same handlers, which tell what they raise."""
    return Registry(
        {
            trigger: tuple(dataclasses.replace(handler, function=_telling(handler, raised)) for handler in handlers)
            for trigger, handlers in registry.handlers.items()
        }
    )


def _telling(handler: Handler, raised: list[_Raised]) -> Callable[[Any, Any], object]:
    function: Callable[[Any, Any], Any] = handler.function

    def call(event: Any, api: Any) -> object:
        try:
            return function(event, api)
        except Exception as error:
            raised.append(_noted(error))
            raise

    async def call_async(event: Any, api: Any) -> object:
        try:
            return await function(event, api)
        except Exception as error:
            raised.append(_noted(error))
            raise

    return call_async if handler.is_async else call


def _noted(error: Exception) -> _Raised:
    found = error.__traceback__
    return _Raised(error, found and found.tb_next)


def _ran(dispatched: _Dispatched, failures: _Failures) -> Ran:
    __tracebackhide__ = True
    outcome, raised, late = dispatched
    if failures == "raise" and raised:
        raise raised[0].error.with_traceback(raised[0].traceback)
    if failures == "raise" and late:
        raise HandlerTimeoutError(f"handler {late[0]} took longer than its timeout")
    if outcome.stop is not None:
        return Ran([], [], outcome.read, "stop", outcome.stop)
    if outcome.failure is not None:
        return Ran([], [], outcome.read, "dead_letter", outcome.failure.message)
    recorded = orjson.loads(outcome.commands or b"[]")
    commands = [Command(each["method"], each["args"], each["handler"]) for each in recorded]
    enrollments = [Enrollment(endpoint, orjson.loads(payload)) for endpoint, payload in outcome.enrollments]
    return Ran(commands, enrollments, outcome.read)
