"""What tests of handlers start from, with boring defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

import msgspec

from worker import Handlers
from worker.experiments.definitions import Arm
from worker.handlers.api import Api, PostLoginApi
from worker.handlers.cache import Cache
from worker.handlers.dispatch import Call, Dispatcher, Outcome
from worker.handlers.experiment import ExperimentContext
from worker.handlers.places import Frame
from worker.handlers.recorder import Recorder
from worker.handlers.registry import merge
from worker.trigger import TriggerKind

LONG = 60.0  # a timeout that is never reached
AT_ONCE = 0.001  # a timeout that is reached at once, by what hangs


class Clock:
    """A clock that stands still until it is told to go on; in seconds."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def make_arm(**overrides: Any) -> Arm:
    fields: dict[str, Any] = {
        "variation_id": "var_b",
        "is_control": False,
        "config": {"require_mfa": True},
        "context_json": b"{}",
    }
    return Arm(**(fields | overrides))


def make_context(reads: list[str] | None = None, **arm: Any) -> ExperimentContext:
    return ExperimentContext("exp_1", make_arm(**arm), [] if reads is None else reads)


def make_call(
    event: Mapping[str, Any] | None = None,
    *,
    kind: TriggerKind = "post_login",
    experiment: str | None = None,
    order_key: str | None = None,
) -> Call:
    arm = None if experiment is None else make_arm()
    return Call(kind, {"user": {"user_id": "u1"}} if event is None else event, experiment, arm, order_key)


def make_dispatcher(*handlers: Handlers, clock: Callable[[], float] | None = None, **options: Any) -> Dispatcher:
    return Dispatcher(merge(handlers), clock=clock or Clock(), unix_clock=Clock(), **options)


def make_api(kind: type[Api] = PostLoginApi) -> tuple[Any, Recorder]:
    recorder = Recorder(b'"handler"')
    return kind(recorder, Cache(Clock())), recorder


def commands_of(recorder: Recorder) -> list[tuple[str, list[Any]]]:
    """Return the recorded calls as method and arguments."""
    recorded = recorder.close()
    decoded = map(msgspec.json.decode, recorded.commands if recorded else ())
    return [(command["method"], command["args"]) for command in decoded]


async def dispatch_one(handlers: Handlers, call: Call | None = None) -> Outcome:
    (outcome,) = await make_dispatcher(handlers).dispatch([call or make_call()])
    return outcome


def calls_of(outcome: Outcome) -> list[tuple[str, str, list[Any]]]:
    """Return the commands of an outcome as handler, method and arguments."""
    found = msgspec.json.decode(outcome.commands) if outcome.commands else []
    return [(command["handler"], command["method"], command["args"]) for command in found]


def denying(*names: str, **options: Any) -> Handlers:
    """Return handlers that each deny access with their name as the reason."""
    handlers = Handlers()
    for name in names:

        def deny(_: Any, api: Any, name: str = name) -> None:
            api.access.deny(name)

        deny.__name__ = name
        handlers.post_login(**options)(deny)
    return handlers


def of_subjects(*pairs: tuple[str, str | None]) -> list[Call]:
    return [make_call({"user": {"user_id": name}}, order_key=key) for name, key in pairs]


def line_of(function: Any, offset: int) -> str:
    """Return the place so many lines below a function's first, as messages have it."""
    code = function.__code__
    return f"{PurePath(code.co_filename).name}:{code.co_firstlineno + offset}"


def frame_of(function: Any, offset: int) -> Frame:
    """Return the frame so many lines below a function's first."""
    code = function.__code__
    return Frame(code.co_filename, code.co_firstlineno + offset, code.co_name)
