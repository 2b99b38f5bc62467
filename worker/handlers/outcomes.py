"""What the dispatcher is given and what it gives back, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, Literal

import msgspec

from worker.experiments.definitions import Arm
from worker.handlers.errors import ToldError
from worker.handlers.places import Frame, is_ours, raised_at, short, users_frames
from worker.handlers.registry import Handler
from worker.trigger import TriggerKind

_MESSAGE_MAX = 1000  # of the 1 KiB of a dead letter's message; names in it are ASCII but for odd keys


class Call(msgspec.Struct, frozen=True, gc=False):
    """One event to dispatch: the event object in the shape of the Actions reference and what applies to it.

    Events with the same `order_key` run in order; None stands alone.
    """

    kind: TriggerKind
    event: Mapping[str, Any]
    experiment_id: str | None = None
    arm: Arm | None = None
    order_key: bytes | str | None = None


class Failure(msgspec.Struct, frozen=True, gc=False):
    """How a handler failed; the message names handler, exception type and line.

    `trace` has the calls of the user's code that led there, outermost first: at least the handler's own first line.
    """

    reason: Literal["handler_failed", "handler_timeout"]
    message: str
    trace: tuple[Frame, ...]


Told = Callable[[Handler, Failure], None]  # is told of every failure, also of those that are skipped


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What an event's handlers did.

    `commands` is a JSON array of `{"handler", "method", "args"}`, None if there are none; `enrollments` are pairs of
    endpoint and payload JSON. `read` says that a handler looked at the variation. With a `failure` the event is a dead
    letter, with `stop` the worker must stop and say so; both come without commands and enrollments.
    """

    commands: bytes | None = None
    enrollments: tuple[tuple[str, bytes], ...] = ()
    read: bool = False
    failure: Failure | None = None
    stop: str | None = None


NOTHING = Outcome()
ONLY_READ = Outcome(read=True)


def failed(handler: Handler, error: BaseException) -> Failure:
    """Return the failure of a handler that raised.

    The text of an exception may quote the event and stays out; only our own words about wrong use are told.
    The line is the deepest of the handler's own file, else the deepest that is not ours, else the function's first.
    """

    def is_own(frame: FrameType) -> bool:
        return frame.f_code.co_filename == handler.file

    place = raised_at(error, is_own) or raised_at(error, _is_others) or (handler.file, handler.line)
    trace = users_frames(error, handler.file) or _first_line(handler)
    told = f": {error}" if isinstance(error, ToldError) else ""
    message = f"handler {handler.name} failed: {type(error).__name__} at {short(place)}{told}"
    return Failure("handler_failed", message[:_MESSAGE_MAX], trace)


def timed_out(handler: Handler) -> Failure:
    """Return the failure of a handler that took too long."""
    message = f"handler {handler.name} timed out after {float(handler.options.timeout)} s"
    return Failure("handler_timeout", message, _first_line(handler))


def _first_line(handler: Handler) -> tuple[Frame]:
    return (Frame(handler.file, handler.line, handler.name),)


def _is_others(frame: FrameType) -> bool:
    return not is_ours(frame.f_code.co_filename)
