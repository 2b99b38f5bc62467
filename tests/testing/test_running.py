from __future__ import annotations

import asyncio
import traceback
from typing import Any

import pytest

from worker import Handlers
from worker.testing import Command, Enrollment, HandlerTimeoutError, arun, event, experiment, run


def claiming() -> Handlers:
    handlers = Handlers()

    @handlers.post_login
    def claim(event: Any, api: Any) -> None:
        if event.experiment:
            api.id_token.set_custom_claim("https://example.com/variation", event.experiment.variation_id)

    return handlers


def failing(**options: Any) -> Handlers:
    handlers = Handlers()

    @handlers.post_login(**options)
    def fail(event: Any, api: Any) -> None:
        api.access.deny("no")
        raise LookupError(event.user.email)

    return handlers


def test_what_a_handler_records_is_returned() -> None:
    ran = run(claiming(), "post_login", experiment=experiment(variation="var_b"))
    assert ran.commands == [Command("idToken.setCustomClaim", ["https://example.com/variation", "var_b"])]
    assert ran.calls("idToken.setCustomClaim") == [["https://example.com/variation", "var_b"]]
    assert (ran.commands[0].handler, ran.outcome) == ("claim", "done")


def test_without_an_experiment_there_is_no_context() -> None:
    assert run(claiming(), "post_login").commands == []


def test_the_event_is_the_given_one() -> None:
    handlers = Handlers()

    @handlers.post_user_registration
    async def enrol(event: Any, api: Any) -> None:
        await asyncio.sleep(0)
        api.enroll("welcome", {"email": event.user.email})

    given = event("post_user_registration", user={"email": "ada@example.com"})
    assert run(handlers, "post_user_registration", given).enrollments == [
        Enrollment("welcome", {"email": "ada@example.com"})
    ]


def test_config_and_control_are_what_the_experiment_says() -> None:
    handlers = Handlers()

    @handlers.pre_user_registration(blocking=True)
    def note(event: Any, api: Any) -> None:
        context = event.experiment
        api.user.set_user_metadata("found", [context.is_control, context.config["plan"].value])

    ran = run(handlers, "pre_user_registration", experiment=experiment(config={"plan": "pro"}, is_control=True))
    assert ran.calls("user.setUserMetadata") == [["found", [True, "pro"]]]
    assert ran.read


def test_what_a_handler_raises_is_raised_and_the_traceback_begins_in_the_handler() -> None:
    with pytest.raises(LookupError) as caught:
        run(failing(on_error="skip"), "post_login")
    frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(caught.tb)]
    assert frames[-1] == "fail"
    assert not {"call", "_call", "dispatch"} & set(frames)


@pytest.mark.parametrize(("on_error", "outcome"), [("dead_letter", "dead_letter"), ("stop", "stop"), ("skip", "done")])
def test_a_failure_can_be_looked_at_as_the_worker_sees_it(on_error: str, outcome: str) -> None:
    ran = run(failing(on_error=on_error), "post_login", failures="return")
    assert (ran.outcome, ran.commands) == (outcome, [])
    assert ran.message is None or ran.message.startswith("handler fail failed: LookupError at test_running.py:")


def test_a_handler_that_takes_too_long_fails() -> None:
    handlers = Handlers()

    @handlers.post_login(timeout=0.01)
    async def wait(event: Any, api: Any) -> None:  # noqa: ARG001 - the shape of a handler
        await asyncio.Event().wait()

    with pytest.raises(HandlerTimeoutError, match="handler wait took longer than its timeout"):
        run(handlers, "post_login")


async def test_it_runs_with_an_event_loop_too() -> None:
    context = experiment()
    ran = run(claiming(), "post_login", experiment=context)
    assert ran == await arun(claiming(), "post_login", experiment=context)
    assert len(ran.commands) == 1


def test_the_threads_own_event_loop_stays() -> None:
    own = asyncio.new_event_loop()
    asyncio.set_event_loop(own)
    try:
        run(claiming(), "post_login")
        assert asyncio.get_event_loop() is own
    finally:
        asyncio.set_event_loop(None)
        own.close()


def test_wrong_triggers_and_events_say_what_is_expected() -> None:
    with pytest.raises(ValueError, match=r"found 'login', expected one of post_login, pre_user_registration"):
        run(claiming(), "login")  # type: ignore[arg-type] # what is refused
    with pytest.raises(TypeError, match="expected JSON values"):
        run(claiming(), "post_login", {"user": object()})
