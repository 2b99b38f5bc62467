"""The walk of a batch, with real definitions, handlers and store."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.assignment import Assignment
from schemas.commands import Commands
from schemas.enriched import EnrichedTenantLogEvent, EnrichedTriggerEvent
from schemas.enrollment import Enrollment
from schemas.exposure import Exposure
from tests.definitions_documents import percentage_set, segment_set
from tests.pipelines import pipeline, records, values
from worker import Handlers
from worker.experiments import claims
from worker.experiments.claims import Published
from worker.experiments.subjects import Subject
from worker.outputs import OUTPUT_KINDS, BatchResult
from worker.pipeline import Exposures
from worker.records import Record
from worker.stores.memory import MemoryStore

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile Safari/604.1"


def login(number: int = 1, **user: Any) -> dict[str, Any]:
    event = {"user": {"user_id": f"auth0|{number}", "email": f"p{number}@example.com", **user}, "request": {}}
    return {"id": f"evt_{number}", "trigger": "post_login", "time": "2026-01-05T10:00:00Z", "event": event}


def acting() -> Handlers:
    """Handlers that read the context, record a command and ask for a webhook."""
    handlers = Handlers()

    @handlers.post_login
    def act(event: Any, api: Any) -> None:
        if event.experiment and event.experiment.config["on"].value is True:
            api.multifactor.enable("any", allow_remember_browser=False)
            api.enroll("programme", {"user_id": event.user.user_id})

    return handlers


def failing(on_error: Any = "dead_letter") -> Handlers:
    handlers = acting()

    @handlers.post_login(on_error=on_error)
    def broken(event: Any, api: Any) -> None:
        api.enroll("other", {})
        if event.user.user_id == "auth0|2":
            raise KeyError(event.user.email)

    return handlers


def counts(result: BatchResult) -> dict[str, int]:
    return {kind: len(outputs) for kind, outputs in result.outputs.items()} | {"dead": len(result.dead_letters)}


async def test_an_event_ends_as_its_set_of_outputs() -> None:
    result = await pipeline(handlers=acting()).process(records(login()))
    assert counts(result) == {
        "enriched": 1, "exposures": 1, "enrollments": 1, "commands": 1, "assignments": 2, "dead": 0,
    }  # fmt: skip


async def test_outputs_are_what_the_schemas_say() -> None:
    result = await pipeline(handlers=acting()).process(records(login()))
    for kind, model in (
        ("exposures", Exposure), ("enrollments", Enrollment), ("commands", Commands), ("assignments", Assignment),
    ):  # fmt: skip
        for value in values(result, kind):  # type: ignore[arg-type] # the table's keys are kinds
            assert list(model.model_validate(value, strict=True).model_dump()) == list(value)
            assert set(model.model_fields) == set(value)


async def test_the_enriched_event_is_the_input_with_its_context() -> None:
    event = login()
    result = await pipeline().process(records(event))
    (enriched,) = values(result, "enriched")
    context = {
        "experiment_id": "exp_a",
        "variation_id": "var_treatment",
        "config": {"mode": {"value": "old"}, "on": {"value": True}},
        "is_control": False,
    }
    assert enriched == {**event, "event": {**event["event"], "experiment": context}}
    assert EnrichedTriggerEvent.model_validate(enriched).event.experiment is not None


async def test_an_event_without_an_experiment_is_enriched_with_null() -> None:
    result = await pipeline(definitions=[]).process(records(login()))
    (enriched,) = values(result, "enriched")
    assert enriched["event"]["experiment"] is None
    assert counts(result)["exposures"] == 0
    assert result.tallies.decisions == {"no_experiment": 1}


async def test_a_log_event_is_told_the_segment_under_its_details() -> None:
    log = {"type": "s", "log_id": "l1", "user_id": "auth0|1", "user_agent": PHONE}
    result = await pipeline(definitions=[segment_set()]).process(records(log))
    (enriched,) = values(result, "enriched")
    assert enriched["details"]["experiment"]["segment_id"] == "seg_phones"
    assert enriched["details"]["experiment"]["variation_id"] == "var_treatment"
    assert EnrichedTenantLogEvent.model_validate(enriched).details.experiment is not None


async def test_a_native_event_is_not_told_the_segment() -> None:
    event = login()
    event["event"]["request"]["user_agent"] = PHONE
    result = await pipeline(definitions=[segment_set()]).process(records(event))
    (enriched,) = values(result, "enriched")
    (exposure,) = values(result, "exposures")
    assert "segment_id" not in enriched["event"]["experiment"]
    assert (exposure["segment_id"], exposure["device_type"], exposure["reason"]) == ("seg_phones", "mobile", "segment")
    assert counts(result)["assignments"] == 0


async def test_neighbours_of_bad_input_are_untouched_and_in_order() -> None:
    batch = records(login(1), b"{nonsense", login(2), b"[]", {"type": "fp", "log_id": "x"}, login(3))
    result = await pipeline().process(batch)
    assert [value["id"] for value in values(result, "enriched")] == ["evt_1", "evt_2", "evt_3"]
    assert [(letter.reason, letter.record.source) for letter in result.dead_letters] == [
        ("not_json", "log/2"),
        ("not_an_object", "log/4"),
    ]
    assert [letter.record.value for letter in result.dead_letters] == [b"{nonsense", b"[]"]
    assert result.tallies.skipped == {"log:fp": 1}
    assert result.tallies.events == 6


async def test_a_failed_handler_costs_its_event_everything_but_exposure_and_assignments() -> None:
    result = await pipeline(handlers=failing()).process(records(login(1), login(2), login(3)))
    assert counts(result) == {
        "enriched": 2, "exposures": 3, "enrollments": 4, "commands": 2, "assignments": 6, "dead": 1,
    }  # fmt: skip
    (letter,) = result.dead_letters
    assert (letter.reason, letter.stage) == ("handler_failed", "handler")
    assert letter.record.value == orjson.dumps(login(2))


async def test_the_dead_letter_of_a_handler_names_handler_exception_and_line_but_no_payload() -> None:
    result = await pipeline(handlers=failing()).process(records(login(2)))
    (letter,) = result.dead_letters
    assert "broken" in letter.message
    assert "KeyError" in letter.message
    assert "test_pipeline.py:" in letter.message
    assert "p2@example.com" not in letter.message


async def test_a_skipped_failure_drops_only_what_that_handler_recorded() -> None:
    result = await pipeline(handlers=failing("skip")).process(records(login(2)))
    assert [value["endpoint"] for value in values(result, "enrollments")] == ["programme"]
    assert counts(result)["enriched"] == 1


async def test_a_stopping_failure_stops_the_batch() -> None:
    result = await pipeline(handlers=failing("stop")).process(records(login(1), login(2)))
    assert result.stop is not None
    assert "broken" in result.stop


async def test_a_redriven_event_brings_what_its_failure_held_back_with_the_same_ids() -> None:
    store = MemoryStore()
    failed = await pipeline(handlers=failing(), store=store).process(records(login(2)))
    redriven = await pipeline(handlers=acting(), store=store).process(records(login(2)))
    assert [value["enrollment_id"] for value in values(redriven, "enrollments")]
    assert values(redriven, "exposures") == values(failed, "exposures")


async def test_an_event_processed_again_yields_the_same_bytes() -> None:
    store = MemoryStore()
    batch = records(login(1), login(2))
    first = await pipeline(handlers=acting(), store=store).process(batch)
    again = await pipeline(handlers=acting(), store=store).process(batch)
    for kind in OUTPUT_KINDS:
        assert [(o.id, o.key, o.value) for o in first.outputs[kind]] == [
            (o.id, o.key, o.value) for o in again.outputs[kind]
        ]


async def test_an_assignment_is_published_once_a_batch_until_that_is_confirmed() -> None:
    store = MemoryStore()
    first = await pipeline(store=store).process(records(login(1), {**login(1), "id": "evt_b"}))
    assert [value["version"] for value in values(first, "assignments")] == [0, 0]  # user and e-mail
    later = await pipeline(store=store).process(records({**login(1), "id": "evt_c"}))
    assert values(later, "assignments") == values(first, "assignments")
    later.confirm()
    confirmed = await pipeline(store=store).process(records({**login(1), "id": "evt_d"}))
    assert values(confirmed, "assignments") == []


async def test_a_batch_is_renewed_by_the_same_answers_also_when_they_were_confirmed_meanwhile() -> None:
    store = MemoryStore()
    result = await pipeline(store=store).process(records(login(1), login(2)))
    assert await result.renew()
    result.confirm()
    assert await result.renew()
    assert await (await pipeline().process(records(b"{"))).renew()


async def test_a_batch_is_not_renewed_where_the_store_answers_otherwise_by_now() -> None:
    store = MemoryStore()
    result = await pipeline(store=store).process(records(login(1), login(2)))
    [key] = {output.key for output in result.outputs["exposures"] if output.trigger.id == "evt_2"}
    subject = Subject("user", bytes.fromhex((key or b"").decode()), (key or b"").decode())
    other = claims.Assignment("var_control", 1, "rev", None, "evt_other", None)
    store.put(result.outputs["exposures"][0].trigger.tenant, "exp_a", subject, other)
    assert not await result.renew()


async def test_a_batch_that_publishes_less_than_is_offered_by_now_is_not_renewed() -> None:
    store = MemoryStore()
    running = pipeline(store=store)
    (await running.process(records(login(1)))).confirm()
    result = await running.process(records(login(1)))
    assert values(result, "assignments") == []
    store.confirm([Published(None, "exp_a", subject, -1) for subject in _subjects(result)])  # an older one buried it
    assert not await result.renew()


def _subjects(result: BatchResult) -> list[Subject]:
    keys = [(output.key or b"").decode() for output in result.outputs["exposures"]]
    return [Subject("user", bytes.fromhex(key), key) for key in keys]


async def test_keys_are_hashes_of_the_subject() -> None:
    result = await pipeline(handlers=acting()).process(records(login()))
    (exposure,) = values(result, "exposures")
    for kind in ("enriched", "exposures", "enrollments", "commands"):
        assert result.outputs[kind][0].key == exposure["subject"].encode()
    user, identifier = result.outputs["assignments"]
    assert user.key == f"|exp_a|{exposure['subject']}".encode()
    assert identifier.key != user.key


async def test_without_a_subject_the_inputs_key_is_kept() -> None:
    raw = orjson.dumps({"id": "e", "trigger": "post_login", "event": {}})
    result = await pipeline().process([Record(raw, "t/0/1", key=b"the key")])
    assert result.outputs["enriched"][0].key == b"the key"
    assert result.tallies.decisions == {"no_subject": 1}


async def test_no_output_but_the_enriched_event_and_payloads_carry_an_email() -> None:
    result = await pipeline(handlers=acting()).process(records(login()))
    for kind in ("exposures", "commands", "assignments"):
        assert all(b"example.com" not in output.value for output in result.outputs[kind])
    assert all(b"example.com" not in (o.key or b"") for kind in result.outputs for o in result.outputs[kind])


@pytest.mark.parametrize(("reads", "exposed"), [(True, 1), (False, 0)])
async def test_exposures_may_wait_until_a_handler_reads_the_context(reads: bool, exposed: int) -> None:  # noqa: FBT001
    handlers = Handlers()

    @handlers.post_login
    def look(event: Any, api: Any) -> None:
        del api
        if reads and event.experiment:
            assert event.experiment.is_control is False

    result = await pipeline(handlers=handlers, exposures=Exposures(when="read")).process(records(login()))
    assert counts(result)["exposures"] == exposed
    assert counts(result)["assignments"] == 2


async def test_only_first_exposures_may_be_wanted_of_stored_assignments() -> None:
    second = {**login(1), "id": "evt_again"}
    result = await pipeline(exposures=Exposures(repeat="first")).process(records(login(1), second))
    assert [value["event_id"] for value in values(result, "exposures")] == ["evt_1"]


async def test_contexts_that_are_not_stored_are_always_exposed() -> None:
    forced = login(1)
    forced["event"]["request"]["query"] = {"experiment_id": "exp_a", "variation_id": "var_control"}
    wanted = Exposures(repeat="first")
    result = await pipeline(exposures=wanted).process(records(forced, {**forced, "id": "evt_again"}))
    assert [value["reason"] for value in values(result, "exposures")] == ["forced", "forced"]
    assert result.tallies.placements == []


async def test_an_oversize_record_is_a_dead_letter() -> None:
    result = await pipeline().process(records(b'{"a":"' + b"x" * (1 << 20) + b'"}'))
    assert [letter.reason for letter in result.dead_letters] == ["too_large"]


async def test_a_paused_experiment_keeps_who_is_in_it_and_takes_nobody() -> None:
    store = MemoryStore()
    await pipeline(store=store).process(records(login(1)))
    paused = pipeline(store=store, definitions=[percentage_set(status="paused")])
    result = await paused.process(records({**login(1), "id": "evt_later"}, login(2)))
    assert result.tallies.decisions == {"sticky": 1, "paused": 1}


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([orjson.dumps(login(n)) for n in range(4)])), max_size=8)
)
async def test_every_input_has_exactly_one_outcome(raws: list[bytes]) -> None:
    batch = [Record(raw, f"log/{number}") for number, raw in enumerate(raws)]
    result = await pipeline(handlers=failing()).process(batch)
    ends = [output.record.source for output in result.outputs["enriched"]]
    ends += [letter.record.source for letter in result.dead_letters]
    assert len(set(ends)) == len(ends)
    assert len(ends) + sum(result.tallies.skipped.values()) == len(batch) == result.tallies.events
