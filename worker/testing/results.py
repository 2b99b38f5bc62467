"""What handlers did in a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


class HandlerTimeoutError(Exception):
    """A handler took longer than its `timeout`."""


@dataclass(frozen=True, slots=True)
class Command:
    """An `api` call: its Actions name, and its JavaScript positional arguments as JSON values.

    Equal if name and arguments are; which handler made the call does not count.
    """

    method: str
    args: list[Any]
    handler: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A webhook that a handler asked for: the endpoint and its payload as a JSON object."""

    endpoint: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ran:
    """What the handlers of an event recorded, in order.

    `outcome` is what the worker would make of the event: `done`, or after a failure `dead_letter` or `stop` (then
    nothing is recorded) as the handler's `on_error` says, with the worker's own words in `message`. `read` tells
    whether a handler looked at the experiment's config or at `is_control`.
    """

    commands: list[Command]
    enrollments: list[Enrollment]
    read: bool
    outcome: Literal["done", "dead_letter", "stop"] = "done"
    message: str | None = None

    def calls(self, method: str) -> list[list[Any]]:
        """Return the arguments of every call of that method (`multifactor.enable`)."""
        return [command.args for command in self.commands if command.method == method]
