"""Registering handlers and putting them together."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from worker import Handlers
from worker.handlers.api import PostLoginApi
from worker.handlers.events import PostLoginEvent
from worker.handlers.registry import Options, WrongHandlersError, merge
from worker.trigger import TriggerKind

KINDS: list[TriggerKind] = ["post_login", "pre_user_registration", "post_user_registration"]


def greet(event: object, api: object) -> None:
    """Do nothing."""


async def greet_later(event: object, api: object) -> None:
    """Do nothing, later."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_bare_decorator_registers_with_the_defaults(kind: TriggerKind) -> None:
    handlers = Handlers()
    getattr(handlers, kind)(greet)
    (handler,) = handlers.registered
    assert (handler.name, handler.trigger, handler.function, handler.is_async) == ("greet", kind, greet, False)
    assert handler.options == Options(experiment=None, timeout=1.0, blocking=False, on_error="dead_letter")


@pytest.mark.parametrize("kind", KINDS)
def test_a_decorator_takes_options(kind: TriggerKind) -> None:
    handlers = Handlers()
    getattr(handlers, kind)(experiment="exp_1", timeout=2, blocking=True, on_error="skip")(greet)
    assert handlers.registered[0].options == Options("exp_1", 2, blocking=True, on_error="skip")


def test_the_function_is_returned_unchanged() -> None:
    handlers = Handlers()
    assert handlers.post_login(greet) is greet
    assert handlers.post_user_registration(on_error="stop")(greet) is greet


def test_decorated_functions_keep_their_types() -> None:
    handlers = Handlers()

    @handlers.post_login(timeout=0.5)
    async def typed(event: PostLoginEvent, api: PostLoginApi) -> str | None:
        api.access.deny("no")
        return event.user.user_id

    kept: Callable[[PostLoginEvent, PostLoginApi], Any] = typed
    assert kept is typed


def test_an_async_function_is_known_as_such() -> None:
    handlers = Handlers()
    handlers.post_login(greet_later)
    assert handlers.registered[0].is_async is True


def test_a_handler_knows_where_it_is_written_also_below_other_decorators() -> None:
    @functools.wraps(greet)
    def wrapper(*arguments: Any) -> None:
        greet(*arguments)

    handlers = Handlers()
    handlers.post_login(wrapper)
    assert handlers.registered[0].place == f"{__file__}:{greet.__code__.co_firstlineno}"


def test_a_method_is_a_handler_too() -> None:
    class Greeter:
        def hello(self, event: object, api: object) -> None:
            """Do nothing."""

    handlers = Handlers()
    handlers.post_login(Greeter().hello)
    assert handlers.registered[0].name == "hello"


def no_parameters() -> None:
    """Take nothing."""


def three_parameters(event: object, api: object, more: object) -> None:
    """Take too much."""


def generator(event: object, api: object) -> Iterator[object]:
    yield event, api


async def async_generator(event: object, api: object) -> AsyncIterator[object]:
    yield event, api


class Called:
    def __call__(self, event: object, api: object) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("function", "options", "complaint"),
    [
        (no_parameters, {}, "no_parameters: a handler takes (event, api), this one takes () -> 'None'"),
        (three_parameters, {}, "three_parameters: a handler takes (event, api), this one takes (event:"),
        (generator, {}, "generator: a handler must not yield"),
        (async_generator, {}, "async_generator: a handler must not yield"),
        (greet, {"timeout": 0}, "greet: timeout: expected seconds above 0, found 0"),
        (greet, {"timeout": float("inf")}, "greet: timeout: expected seconds above 0, found inf"),
        (greet, {"timeout": True}, "greet: timeout: expected seconds above 0, found True"),
        (greet, {"blocking": 1}, "greet: blocking: expected True or False, found 1"),
        (greet, {"experiment": " "}, "greet: experiment: expected an experiment id or None, found ' '"),
        (greet, {"on_error": "ignore"}, "greet: on_error: expected one of dead_letter, skip, stop, found 'ignore'"),
        (greet, {"tiemout": 1}, "greet: no option is named tiemout; there are experiment, timeout, blocking, on_error"),
        (greet_later, {"blocking": True}, "greet_later: blocking=True is for plain functions"),
    ],
)
def test_what_could_not_run_is_refused_with_its_place(
    function: Callable[..., object], options: dict[str, Any], complaint: str
) -> None:
    handlers: Any = Handlers()
    with pytest.raises(WrongHandlersError) as raised:
        handlers.post_login(**options)(function)
    line = function.__code__.co_firstlineno
    assert str(raised.value).startswith(f"{__file__}:{line}: {complaint}")
    assert handlers.registered == ()


@pytest.mark.parametrize("thing", [5, Called(), functools.partial(greet), len])
def test_what_is_no_function_is_refused(thing: Any) -> None:
    with pytest.raises(
        WrongHandlersError, match=f"a handler of post_login must be a function, found {type(thing).__name__}"
    ):
        Handlers().post_login(thing)


def test_two_handlers_of_one_name_are_refused_with_both_places() -> None:
    def other(event: object, api: object) -> None:
        """Bear another's name."""

    other.__name__ = "greet"
    handlers = Handlers()
    handlers.post_login(greet)
    first, second = (f"{__file__}:{function.__code__.co_firstlineno}" for function in (greet, other))
    message = f"{second}: a second handler of post_login is named greet; the first is at {first}"
    with pytest.raises(WrongHandlersError, match=re.escape(message)):
        handlers.post_login(other)
    assert [handler.function for handler in handlers.registered] == [greet]


def test_one_name_may_serve_several_triggers() -> None:
    handlers = Handlers()
    handlers.post_login(greet)
    handlers.post_user_registration(greet)
    registry = merge([handlers])
    assert [[handler.name for handler in registry.of(kind)] for kind in KINDS] == [["greet"], [], ["greet"]]


def test_merging_keeps_the_order_of_registration() -> None:
    first, second = Handlers(), Handlers()
    second.post_login(greet_later)
    first.post_login(greet)
    first.post_login(no_reaction)
    assert [handler.name for handler in merge([first, second]).of("post_login")] == [
        "greet",
        "no_reaction",
        "greet_later",
    ]


def no_reaction(event: object, api: object) -> None:
    """Do nothing at all."""


def test_handlers_that_come_twice_count_once() -> None:
    handlers = Handlers()
    handlers.post_login(greet)
    assert len(merge([handlers, handlers]).of("post_login")) == 1


def test_merging_refuses_two_of_one_name() -> None:
    first, second = Handlers(), Handlers()
    first.post_login(greet)
    second.post_login(greet)
    with pytest.raises(WrongHandlersError, match="a second handler of post_login is named greet"):
        merge([first, second])


def test_importing_handlers_loads_nothing_heavy() -> None:
    heavy = "{'asyncio', 'cachebox', 'msgspec', 'orjson', 'pydantic'}"
    code = f"import sys, worker; print(worker.Handlers.__name__, sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Handlers []\n"
