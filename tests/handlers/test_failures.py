"""Handlers that fail: what becomes of the event, and what is said."""

from __future__ import annotations

import asyncio
import functools
import json
from typing import Any

import msgspec
import pytest

from tests.handlers.factories import (
    Clock,
    calls_of,
    denying,
    dispatch_one,
    frame_of,
    line_of,
    make_call,
    make_dispatcher,
)
from worker import Handlers
from worker.handlers.dispatch import Failure, Outcome
from worker.handlers.errors import WrongUseError
from worker.handlers.places import MAX_FRAMES


def failing(error: BaseException, **options: Any) -> tuple[Handlers, Any]:
    """Return handlers of which the middle one records something and fails."""
    handlers = denying("before")

    @handlers.post_login(**options)
    def breaks(event: Any, api: Any) -> None:
        api.access.deny(event.user.user_id)
        api.enroll("welcome", {})
        raise error

    handlers.post_login(denying("after").registered[0].function)
    return handlers, breaks


async def test_the_event_is_a_dead_letter_that_names_handler_exception_and_line_only() -> None:
    handlers, breaks = failing(KeyError("ada@example.com"))
    outcome = await dispatch_one(handlers)
    message = f"handler breaks failed: KeyError at {line_of(breaks, 4)}"
    assert outcome == Outcome(failure=Failure("handler_failed", message, (frame_of(breaks, 4),)))


async def test_later_handlers_run_all_the_same() -> None:
    handlers, _ = failing(KeyError())
    dispatcher = make_dispatcher(handlers)
    await dispatcher.dispatch([make_call()])
    assert [(row["name"], row["calls"], row["commands"]) for row in dispatcher.counts()] == [
        ("before", 1, 0),
        ("breaks", 1, 0),
        ("after", 1, 0),
    ]


async def test_the_first_failure_is_the_one_that_is_told() -> None:
    handlers = Handlers()

    @handlers.post_login
    def first(_: Any, __: Any) -> None:
        raise KeyError

    @handlers.post_login
    def second(_: Any, __: Any) -> None:
        raise ValueError

    outcome = await dispatch_one(handlers)
    assert outcome.failure is not None
    assert outcome.failure.message.startswith("handler first failed: KeyError")


async def test_a_neighbour_is_untouched() -> None:
    handlers = Handlers()

    @handlers.post_login
    def picky(event: Any, api: Any) -> None:
        api.access.deny(event.user["user_id"])

    outcomes = await make_dispatcher(handlers).dispatch([make_call({"user": {}}), make_call()])
    assert [bool(outcome.failure) for outcome in outcomes] == [True, False]
    assert calls_of(outcomes[1]) == [("picky", "access.deny", ["u1"])]


async def test_skip_drops_what_that_handler_recorded_and_keeps_the_rest() -> None:
    handlers, _ = failing(KeyError(), on_error="skip")
    outcome = await dispatch_one(handlers)
    assert [handler for handler, _, _ in calls_of(outcome)] == ["before", "after"]
    assert (outcome.enrollments, outcome.failure, outcome.stop) == ((), None, None)


async def test_stop_says_why_and_ends_the_batch() -> None:
    handlers, breaks = failing(KeyError(), on_error="stop")
    dispatcher = make_dispatcher(handlers)
    outcomes = await dispatcher.dispatch([make_call(), make_call(), make_call()])
    message = f"handler breaks failed: KeyError at {line_of(breaks, 4)}"
    assert outcomes == [Outcome(stop=message), Outcome(), Outcome()]
    assert [row["calls"] for row in dispatcher.counts()] == [1, 1, 0]


async def test_wrong_use_of_the_api_is_a_failure_at_the_users_line_that_says_what_is_right() -> None:
    handlers = Handlers()

    @handlers.post_login
    def careless(_: Any, api: Any) -> None:
        api.id_token.set_custom_claim("role", "admin")

    outcome = await dispatch_one(handlers)
    assert outcome.failure is not None
    start = f"handler careless failed: WrongUseError at {line_of(careless, 2)}: api.id_token.set_custom_claim: key: "
    assert outcome.failure.message.startswith(start + "expected ")
    assert "admin" not in outcome.failure.message


async def test_an_unknown_name_is_told_with_the_one_that_was_meant() -> None:
    handlers = Handlers()

    @handlers.post_login
    def careless(event: Any, _: Any) -> None:
        assert event.clint is None

    outcome = await dispatch_one(handlers)
    assert outcome.failure is not None
    assert "perhaps you mean client" in outcome.failure.message


async def test_a_name_that_may_be_data_is_not_told() -> None:
    handlers = Handlers()

    @handlers.post_login
    def careless(event: Any, _: Any) -> None:
        getattr(event, "person@example.com")

    outcome = await dispatch_one(handlers)
    assert outcome.failure is not None
    assert "UnknownNameError" in outcome.failure.message
    assert "example.com" not in outcome.failure.message


async def test_wrong_use_that_the_handler_deals_with_is_none() -> None:
    handlers = Handlers()

    @handlers.post_login
    def careful(_: Any, api: Any) -> None:
        try:
            api.id_token.set_custom_claim("role", "admin")
        except WrongUseError:
            api.access.deny("no claim")

    assert calls_of(await dispatch_one(handlers)) == [("careful", "access.deny", ["no claim"])]


async def test_the_line_is_the_deepest_of_the_handlers_own_file() -> None:
    handlers = Handlers()

    def helper() -> int:
        return int(msgspec.json.decode(b"no json"))

    handlers.post_login(lambda _, __: sorted([1], key=lambda _: helper()))
    outcome = await dispatch_one(handlers)
    assert outcome.failure is not None
    assert outcome.failure.message == f"handler <lambda> failed: DecodeError at {line_of(helper, 1)}"


async def test_without_a_frame_of_its_own_the_line_is_the_deepest_there_is() -> None:
    code = compile("def elsewhere(event, api):\n    raise KeyError\n", "/else/where.py", "exec")
    namespace: dict[str, Any] = {}
    exec(code, namespace)  # noqa: S102 - code of another file
    wrapper = functools.wraps(line_of)(functools.partial(namespace["elsewhere"]))
    handlers = Handlers()
    handlers.post_login(wrapper)
    outcome = await dispatch_one(handlers)
    assert outcome.failure is not None
    assert outcome.failure.message == "handler line_of failed: KeyError at where.py:2"


@pytest.mark.parametrize("error", [SystemExit(1), asyncio.CancelledError(), RecursionError(), StopIteration()])
async def test_whatever_a_handler_may_raise_is_a_failure(error: BaseException) -> None:
    handlers, _ = failing(error)
    outcome = await dispatch_one(handlers)
    assert outcome.failure is not None
    assert type(error).__name__ in outcome.failure.message


async def test_a_keyboard_interrupt_is_not_the_handlers() -> None:
    handlers, _ = failing(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        await dispatch_one(handlers)


async def test_an_async_function_in_disguise_is_refused_at_its_own_line() -> None:
    async def later(_: Any, __: Any) -> None:
        """Never run."""

    @functools.wraps(later)
    def disguised(event: Any, api: Any) -> Any:
        return later(event, api)

    handlers = Handlers()
    handlers.post_login(disguised)
    outcome = await dispatch_one(handlers)
    assert outcome.failure is not None
    message = f"handler later failed: WrongUseError at {line_of(later, 0)}: a plain handler returned an awaitable"
    assert outcome.failure.message.startswith(message)


async def test_other_results_mean_nothing() -> None:
    handlers = Handlers()
    handlers.post_login(lambda _, __: 42)
    assert await dispatch_one(handlers) == Outcome()


async def test_a_future_as_result_is_refused() -> None:
    handlers = Handlers()
    future = asyncio.get_running_loop().create_future()
    handlers.post_login(lambda _, __: future)
    outcome = await dispatch_one(handlers)
    assert outcome.failure is not None
    assert "WrongUseError" in outcome.failure.message


async def test_a_plain_handler_that_took_too_long_has_timed_out_afterwards() -> None:
    clock, handlers = Clock(), Handlers()

    @handlers.post_login(timeout=0.5)
    def slow(_: Any, api: Any) -> None:
        api.access.deny("late")
        clock.now += 0.6

    (outcome,) = await make_dispatcher(handlers, clock=clock).dispatch([make_call()])
    failure = Failure("handler_timeout", "handler slow timed out after 0.5 s", (frame_of(slow, 0),))
    assert outcome == Outcome(failure=failure)


async def test_a_trace_has_the_calls_of_the_users_code_only() -> None:
    handlers = Handlers()

    def helper(text: str) -> Any:
        return json.loads(text)

    @handlers.post_login
    def outer(event: Any, api: Any) -> None:
        api.id_token.set_custom_claim("https://shop.example/a", helper(event.user.user_id))

    outcome = await dispatch_one(handlers)
    assert outcome.failure is not None
    assert outcome.failure.trace == (frame_of(outer, 2), frame_of(helper, 1))


async def test_a_trace_ends_where_the_api_was_used_wrongly() -> None:
    handlers = Handlers()

    @handlers.post_login
    def careless(_: Any, api: Any) -> None:
        api.id_token.set_custom_claim("role", "admin")

    outcome = await dispatch_one(handlers)
    assert outcome.failure is not None
    assert outcome.failure.trace == (frame_of(careless, 2),)


async def test_a_trace_of_a_thousand_calls_is_short() -> None:
    handlers = Handlers()

    @handlers.post_login
    def again(event: Any, api: Any) -> None:
        again(event, api)

    outcome = await dispatch_one(handlers)
    assert outcome.failure is not None
    assert outcome.failure.trace == (frame_of(again, 2),) * MAX_FRAMES


@pytest.mark.parametrize("on_error", ["dead_letter", "skip", "stop"])
async def test_every_failure_is_told_whatever_becomes_of_the_event(on_error: Any) -> None:
    handlers, breaks = failing(KeyError(), on_error=on_error)
    told: list[tuple[str, Failure]] = []
    dispatcher = make_dispatcher(handlers, told=lambda handler, failure: told.append((handler.name, failure)))
    await dispatcher.dispatch([make_call()])
    message = f"handler breaks failed: KeyError at {line_of(breaks, 4)}"
    assert told == [("breaks", Failure("handler_failed", message, (frame_of(breaks, 4),)))]


async def test_a_late_call_of_a_kept_api_raises() -> None:
    handlers, kept = Handlers(), []
    handlers.post_login(lambda _, api: kept.append(api))
    await dispatch_one(handlers)
    with pytest.raises(WrongUseError, match="the handler's time is over"):
        kept[0].access.deny("late")


@pytest.mark.parametrize(
    ("use", "told"),
    [
        (lambda event: event.experiment.config["colour"], "the flag has no parameter 'colour'; it has"),
        (lambda event: event.experiment.config["a@example.com"], "the flag has no parameter of that name; it has"),
        (lambda event: event.experiment.varation_id, "perhaps you mean event.experiment.variation_id"),
        (lambda event: setattr(event.user, "email", "a"), "is read-only: handlers change things by calling the api"),
    ],
)
async def test_what_is_wrong_with_the_use_of_an_event_is_told(use: Any, told: str) -> None:
    handlers = Handlers()

    @handlers.post_login
    def careless(event: Any, _: Any) -> None:
        use(event)

    outcome = await dispatch_one(handlers, make_call(experiment="exp_a"))
    assert outcome.failure is not None
    assert told in outcome.failure.message
    assert "example.com" not in outcome.failure.message
