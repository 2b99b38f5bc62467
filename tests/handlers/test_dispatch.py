"""Running plain handlers: order, triggers, experiments, what comes out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.handlers.factories import (
    Clock,
    calls_of,
    denying,
    dispatch_one,
    make_call,
    make_dispatcher,
)
from worker import Handlers
from worker.handlers.dispatch import Call, Outcome
from worker.trigger import TriggerKind

KINDS: list[TriggerKind] = ["post_login", "pre_user_registration", "post_user_registration"]


async def test_an_event_without_handlers_comes_to_nothing() -> None:
    assert await dispatch_one(Handlers(), make_call(experiment="exp_1")) == Outcome(None, (), read=False)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_handler_gets_the_event_and_the_api_of_its_trigger(kind: TriggerKind) -> None:
    seen = []
    handlers = Handlers()

    def look(event: Any, api: Any) -> None:
        seen.append((type(event).__name__, type(api).__name__, event.user.user_id))

    getattr(handlers, kind)(look)
    await dispatch_one(handlers, make_call(kind=kind, event={"user": {"user_id": "u7"}}))
    name = kind.title().replace("_", "")
    assert seen == [(f"{name}Event", f"{name}Api", "u7")]


async def test_handlers_run_in_order_of_registration_and_their_calls_stay_in_order() -> None:
    outcome = await dispatch_one(denying("b", "a", "c"))
    assert calls_of(outcome) == [(name, "access.deny", [name]) for name in ("b", "a", "c")]


async def test_enrollments_come_with_their_payload_as_json() -> None:
    handlers = Handlers()

    @handlers.post_login
    def enroll(event: Any, api: Any) -> None:
        api.enroll("welcome", {"user_id": event.user.user_id})

    assert await dispatch_one(handlers) == Outcome(None, (("welcome", b'{"user_id":"u1"}'),))


async def test_handlers_of_other_triggers_do_not_run() -> None:
    assert await dispatch_one(denying("a"), make_call(kind="post_user_registration")) == Outcome()


async def test_there_is_one_outcome_per_call_in_order() -> None:
    handlers = Handlers()

    @handlers.post_login
    def echo(event: Any, api: Any) -> None:
        api.access.deny(event.user.user_id)

    calls = [make_call({"user": {"user_id": str(number)}}, order_key=str(number % 3)) for number in range(10)]
    outcomes = await make_dispatcher(handlers).dispatch(calls)
    assert [calls_of(outcome)[0][2] for outcome in outcomes] == [[str(number)] for number in range(10)]


async def test_an_empty_batch_is_fine() -> None:
    assert await make_dispatcher(denying("a")).dispatch([]) == []


async def test_the_context_is_attached() -> None:
    handlers, seen = Handlers(), []
    handlers.post_login(lambda event, _: seen.append(event.experiment and event.experiment.experiment_id))
    dispatcher = make_dispatcher(handlers)
    await dispatcher.dispatch([make_call(experiment="exp_1"), make_call()])
    assert seen == ["exp_1", None]


@pytest.mark.parametrize(("attached", "runs"), [("exp_1", True), ("exp_2", False), (None, False)])
async def test_a_handler_of_one_experiment_runs_only_with_its_context(
    attached: str | None,
    runs: bool,  # noqa: FBT001 - a case
) -> None:
    outcome = await dispatch_one(denying("mine", experiment="exp_1"), make_call(experiment=attached))
    assert bool(outcome.commands) is runs


async def test_an_experiment_without_an_arm_is_not_attached() -> None:
    call = Call("post_login", {}, experiment_id="exp_1", arm=None)
    assert await dispatch_one(denying("mine", experiment="exp_1"), call) == Outcome()


@pytest.mark.parametrize("look", [lambda context: context.config, lambda context: context.is_control, dict])
async def test_looking_at_the_variation_is_told(look: Any) -> None:
    handlers = Handlers()
    handlers.post_login(lambda event, _: look(event.experiment) and None)
    assert await dispatch_one(handlers, make_call(experiment="exp_1")) == Outcome(read=True)


async def test_naming_the_variation_is_not() -> None:
    handlers = Handlers()
    handlers.post_login(lambda event, _: event.experiment.variation_id and None)
    assert await dispatch_one(handlers, make_call(experiment="exp_1")) == Outcome(read=False)


async def test_a_failing_handler_has_looked_all_the_same() -> None:
    handlers = Handlers()
    handlers.post_login(lambda event, _: event.experiment.config["nope"])
    outcome = await dispatch_one(handlers, make_call(experiment="exp_1"))
    assert outcome.read
    assert outcome.failure


async def test_counts_tell_what_became_of_the_calls() -> None:
    clock, handlers = Clock(), Handlers()

    @handlers.post_login(on_error="skip")
    def moody(event: Any, api: Any) -> None:
        api.access.deny("x")
        api.enroll("y", {})
        if event.user.user_id == "bad":
            raise ValueError
        clock.now += 2.0 if event.user.user_id == "slow" else 0.0

    dispatcher = make_dispatcher(handlers, clock=clock)
    await dispatcher.dispatch([make_call({"user": {"user_id": name}}) for name in ("good", "bad", "slow", "good")])
    before = dispatcher.counts()
    await dispatcher.dispatch([make_call()])
    assert before == [
        {
            "name": "moody",
            "trigger": "post_login",
            "calls": 4,
            "errors": 1,
            "timeouts": 1,
            "skipped": 2,
            "commands": 2,
            "enrollments": 2,
        }
    ]


async def test_the_cache_is_kept_between_events_and_apart_between_triggers() -> None:
    handlers, seen = Handlers(), []

    def remember(_: Any, api: Any) -> None:
        seen.append(api.cache.get("k"))
        api.cache.set("k", 1)

    handlers.post_login(remember)
    handlers.post_user_registration(remember)
    kinds: list[TriggerKind] = ["post_login", "post_login", "post_user_registration"]
    await make_dispatcher(handlers).dispatch([make_call(kind=kind) for kind in kinds])
    assert [record and record.value for record in seen] == [None, 1, None]
