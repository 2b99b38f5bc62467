"""Which handlers there are: users register them on a `Handlers` object, the worker merges those into a `Registry`.

This is what `from worker import Handlers` loads: events, apis and all that runs them are imported for mypy only.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, Unpack, get_args, overload

if TYPE_CHECKING:
    from worker.handlers.api import PostLoginApi, PostUserRegistrationApi, PreUserRegistrationApi
    from worker.handlers.events import PostLoginEvent, PostUserRegistrationEvent, PreUserRegistrationEvent
    from worker.trigger import TriggerKind

OnError = Literal["dead_letter", "skip", "stop"]

PostLogin = TypeVar("PostLogin", bound="Callable[[PostLoginEvent, PostLoginApi], object]")
PreUserRegistration = TypeVar(
    "PreUserRegistration", bound="Callable[[PreUserRegistrationEvent, PreUserRegistrationApi], object]"
)
PostUserRegistration = TypeVar(
    "PostUserRegistration", bound="Callable[[PostUserRegistrationEvent, PostUserRegistrationApi], object]"
)


class WrongHandlersError(Exception):
    """Handlers can't be registered as they are; the message has their places (file:line) and what is right."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a handler is run.

    `experiment`: only where that experiment's context is attached. `timeout` in seconds. `blocking`: in a thread.
    `on_error`: what becomes of the event if the handler fails.
    """

    experiment: str | None = None
    timeout: float = 1.0
    blocking: bool = False
    on_error: OnError = "dead_letter"


class GivenOptions(TypedDict, total=False):
    """The options as decorators take them."""

    experiment: str | None
    timeout: float
    blocking: bool
    on_error: OnError


@dataclass(frozen=True, slots=True)
class Handler:
    """A registered function: sync, or async if `is_async`; `file` and `line` say where it is written."""

    name: str
    trigger: TriggerKind
    function: Callable[[Any, Any], object]
    options: Options
    is_async: bool
    file: str
    line: int

    @property
    def place(self) -> str:
        """Where it is written, for messages."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Registry:
    """All handlers of a worker, per trigger in the order in which they run."""

    handlers: Mapping[TriggerKind, tuple[Handler, ...]]

    def of(self, trigger: TriggerKind) -> tuple[Handler, ...]:
        """Return the trigger's handlers."""
        return self.handlers.get(trigger, ())


class Handlers:
    """Registers handlers: functions of an event and an api, sync or async.

        handlers = Handlers()

        @handlers.post_login
        def conditional_mfa(event, api): ...

        @handlers.post_user_registration(experiment="exp_welcome", timeout=2.0, on_error="skip")
        async def welcome(event, api): ...

    They run in the order in which they are registered. A handler must be a function of its event and api alone: it may
    run again for the same event. Their types are in `worker.handlers.events` and `worker.handlers.api`.

    Options:
        experiment: run only for events to which this experiment applies.
        timeout: seconds after which the handler has failed; a plain function is not interrupted, but fails afterwards.
        blocking: the (sync) handler may block: it runs in a thread.
        on_error: `dead_letter` the event (without any handler's commands and enrollments), `skip` what this handler
            recorded, or `stop` the worker.

    Registering raises `WrongHandlersError` for anything that could not run.
    """

    def __init__(self) -> None:
        self._registered: list[Handler] = []

    @property
    def registered(self) -> tuple[Handler, ...]:
        """What was registered so far, in order."""
        return tuple(self._registered)

    @overload
    def post_login(self, function: PostLogin, /) -> PostLogin: ...
    @overload
    def post_login(self, **options: Unpack[GivenOptions]) -> Callable[[PostLogin], PostLogin]: ...
    def post_login(self, function: Any = None, **options: Unpack[GivenOptions]) -> Any:
        """Register a handler that runs after each login."""
        return self._register("post_login", function, options)

    @overload
    def pre_user_registration(self, function: PreUserRegistration, /) -> PreUserRegistration: ...
    @overload
    def pre_user_registration(
        self, **options: Unpack[GivenOptions]
    ) -> Callable[[PreUserRegistration], PreUserRegistration]: ...
    def pre_user_registration(self, function: Any = None, **options: Unpack[GivenOptions]) -> Any:
        """Register a handler that runs before each registration."""
        return self._register("pre_user_registration", function, options)

    @overload
    def post_user_registration(self, function: PostUserRegistration, /) -> PostUserRegistration: ...
    @overload
    def post_user_registration(
        self, **options: Unpack[GivenOptions]
    ) -> Callable[[PostUserRegistration], PostUserRegistration]: ...
    def post_user_registration(self, function: Any = None, **options: Unpack[GivenOptions]) -> Any:
        """Register a handler that runs after each registration."""
        return self._register("post_user_registration", function, options)

    def _register(self, trigger: TriggerKind, function: Any, options: Mapping[str, Any]) -> Any:
        if function is None:
            return lambda decorated: self._add(trigger, decorated, options)
        return self._add(trigger, function, options)

    def _add(self, trigger: TriggerKind, function: Any, options: Mapping[str, Any]) -> Any:
        handler = _handler(trigger, function, options)
        _refuse_doubles([*self._registered, handler])
        self._registered.append(handler)
        return function


def merge(registrations: Iterable[Handlers]) -> Registry:
    """Put the handlers of several objects together, in their order; an object that comes twice counts once.

    Raises:
        WrongHandlersError: two handlers of one trigger have the same name.
    """
    handlers = [handler for each in dict.fromkeys(registrations) for handler in each.registered]
    _refuse_doubles(handlers)
    by_trigger: dict[TriggerKind, tuple[Handler, ...]] = {}
    for handler in handlers:
        by_trigger[handler.trigger] = (*by_trigger.get(handler.trigger, ()), handler)
    return Registry(MappingProxyType(by_trigger))


def _refuse_doubles(handlers: Iterable[Handler]) -> None:
    seen: dict[tuple[str, str], Handler] = {}
    for handler in handlers:
        first = seen.setdefault((handler.trigger, handler.name), handler)
        if first is not handler:
            raise WrongHandlersError(
                f"{handler.place}: a second handler of {handler.trigger} is named {handler.name}; "
                f"the first is at {first.place}"
            )


def _handler(trigger: TriggerKind, function: Any, options: Mapping[str, Any]) -> Handler:
    code = getattr(inspect.unwrap(function) if callable(function) else None, "__code__", None)
    if code is None or not hasattr(function, "__name__"):
        raise WrongHandlersError(f"a handler of {trigger} must be a function, found {type(function).__name__}")
    place = f"{code.co_filename}:{code.co_firstlineno}: {function.__name__}"
    complaint = _wrong_function(function) or _wrong_options(options)
    is_async = inspect.iscoroutinefunction(function)
    if complaint is None and is_async and options.get("blocking"):
        complaint = "blocking=True is for plain functions, an async handler must not block"
    if complaint is not None:
        raise WrongHandlersError(f"{place}: {complaint}")
    return Handler(
        function.__name__, trigger, function, Options(**options), is_async, code.co_filename, code.co_firstlineno
    )


def _wrong_function(function: Callable[..., object]) -> str | None:
    try:
        inspect.signature(function).bind("event", "api")
    except TypeError:
        return f"a handler takes (event, api), this one takes {inspect.signature(function)}"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return "a handler must not yield"
    return None


def _wrong_options(options: Mapping[str, Any]) -> str | None:
    for name, value in options.items():
        if name not in _OPTIONS:
            return f"no option is named {name}; there are {', '.join(_OPTIONS)}"
        expected, is_right = _OPTIONS[name]
        if not is_right(value):
            return f"{name}: expected {expected}, found {value!r}"
    return None


_OPTIONS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "experiment": (
        "an experiment id or None",
        lambda value: value is None or (isinstance(value, str) and bool(value.strip())),
    ),
    "timeout": (
        "seconds above 0",
        lambda value: type(value) in {int, float} and value > 0 and isfinite(value),
    ),
    "blocking": ("True or False", lambda value: isinstance(value, bool)),
    "on_error": (f"one of {', '.join(get_args(OnError))}", lambda value: value in get_args(OnError)),
}
