"""What the dispatcher is given and what it gives back, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from types import FrameType
from typing import Any, Literal

import msgspec

from worker.experiments.definitions import Arm
from worker.handlers.errors import ToldError
from worker.handlers.places import raised_at, short
from worker.handlers.registry import Handler
from worker.trigger import TriggerKind

_MESSAGE_MAX = 1000  # of the 1 KiB of a dead letter's message; names in it are ASCII but for odd keys
_OURS = PurePath(__file__).parent


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
    """Why the event is a dead letter; the message names handler, exception type and line."""

    reason: Literal["handler_failed", "handler_timeout"]
    message: str


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
    told = f": {error}" if isinstance(error, ToldError) else ""
    message = f"handler {handler.name} failed: {type(error).__name__} at {short(place)}{told}"
    return Failure("handler_failed", message[:_MESSAGE_MAX])


def timed_out(handler: Handler) -> Failure:
    """Return the failure of a handler that took too long."""
    return Failure("handler_timeout", f"handler {handler.name} timed out after {float(handler.options.timeout)} s")


def _is_others(frame: FrameType) -> bool:
    return PurePath(frame.f_code.co_filename).parent != _OURS
