"""What one handler records while it deals with one event."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from worker.handlers import checks
from worker.handlers.arguments import encode, plain
from worker.handlers.checks import Check
from worker.handlers.errors import WrongUseError, snake_case

Parameter = tuple[str, Any, Check]


class Recorded(NamedTuple):
    """`commands` are JSON objects `{"handler", "method", "args"}`, `enrollments` pairs of endpoint and payload JSON."""

    commands: tuple[bytes, ...]
    enrollments: tuple[tuple[str, bytes], ...]


class Recorder:
    """Keeps a handler's api calls, as JSON from the moment of the call, until it is closed; then it refuses more.

    A handler that was given up may go on in its thread: what it still says must count for nothing. `handler` is the
    handler's name as JSON.
    """

    __slots__ = ("_commands", "_enrollments", "_handler", "_open")

    def __init__(self, handler: bytes) -> None:
        self._handler = handler
        self._commands: list[bytes] = []
        self._enrollments: list[tuple[str, bytes]] = []
        self._open = True

    def command(self, method: str, *parameters: Parameter, options: tuple[Parameter, ...] = ()) -> None:
        """Record a call by its Actions name.

        Parameters are name, value and check; options have their Actions names and are left out where they are None, the
        options object if it would be empty.

        Raises:
            WrongUseError: naming method and parameter, what was found and what is right.
        """
        self._check_open()
        try:
            arguments = [_checked(parameter) for parameter in parameters]
            if options and (given := {option[0]: _checked(option) for option in options if option[1] is not None}):
                arguments.append(given)
        except WrongUseError as error:
            raise WrongUseError(f"api.{snake_case(method)}: {error}") from None
        self._commands.append(b"%b%b}" % (_head(self._handler, method), encode(arguments)))

    def enrollment(self, endpoint: Any, payload: Any) -> None:
        """Record a webhook.

        Raises:
            WrongUseError: the endpoint is no name or https URL, or the payload no JSON object.
        """
        self._check_open()
        try:
            target = _checked(("endpoint", endpoint, checks.endpoint))
            body = _checked(("payload", payload, checks.json_object))
        except WrongUseError as error:
            raise WrongUseError(f"api.enroll: {error}") from None
        self._enrollments.append((target, encode(body)))

    def close(self) -> Recorded | None:
        """Return what was recorded, None if nothing was, and record nothing more."""
        self._open = False
        if not self._commands and not self._enrollments:
            return None
        return Recorded(tuple(self._commands), tuple(self._enrollments))

    def _check_open(self) -> None:
        if not self._open:
            raise WrongUseError("the handler's time is over: its api records nothing any more")


@lru_cache(maxsize=1024)  # handlers make the same few calls on every event
def _head(handler: bytes, method: str) -> bytes:
    """Return how the JSON of a call begins."""
    return b'{"handler":%b,"method":"%b","args":' % (handler, method.encode())


def _checked(parameter: Parameter) -> Any:
    name, value, check = parameter
    expected = check(value)
    if expected is not None:
        raise WrongUseError(f"{snake_case(name)}: expected {expected}, found {_found(value)}")
    try:
        return plain(value)
    except WrongUseError as error:
        raise WrongUseError(f"{snake_case(name)}{error}") from None


def _found(value: Any) -> str:
    """Return what a value is, never the value."""
    return "None" if value is None else "another str" if type(value) is str else type(value).__name__
