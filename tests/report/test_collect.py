from __future__ import annotations

from typing import Any

from tests.definitions_documents import percentage_set, segment_set
from tests.pipelines import snapshot_of
from tests.report.replayed import PHONE, batch, decide, facts, halves, login, watched
from worker import Handlers
from worker.outputs import DeadLetter
from worker.records import Record
from worker.report.collect import Collector, SegmentFacts
from worker.report.masking import MASK


def registered(email: str) -> dict[str, Any]:
    event = {"user": {"email": email}}
    return {"id": f"pre-{email}", "trigger": "pre_user_registration", "time": "2026-01-01T10:00:00Z", "event": event}


async def test_a_person_is_drawn_once_however_many_names_and_events() -> None:
    email = "anna@example.com"
    user = {"user_id": "auth0|1", "email": email}
    found = await facts(percentage_set(), registered(email), login(1, user=user), login(1, user=user))
    (experiment,) = found.experiments
    assert experiment.drawn == {"var_control": 0, "var_treatment": 1}
    assert experiment.reasons == {"linked": 1, "split": 1, "sticky": 1}


async def test_overridden_decisions_are_not_counted() -> None:
    query = {"experiment_id": "exp_a", "variation_id": "var_control"}
    found = await facts(percentage_set(), login(1, request={"query": query}), login(2))
    (experiment,) = found.experiments
    assert sum(experiment.reasons.values()) == sum(experiment.drawn.values()) == 1
    assert experiment.exposures is not None
    assert sum(map(sum, experiment.exposures.counts)) == 1


async def test_who_is_out_of_the_ramp_is_counted_once() -> None:
    found = await facts(halves(current_level=0), login(1), login(1), login(2))
    (experiment,) = found.experiments
    assert (experiment.out, experiment.reasons) == (2, {"not_in_ramp": 3})


async def test_segments_stand_in_the_order_they_are_tried() -> None:
    phone = {"request": {"user_agent": PHONE}}
    found = await facts(segment_set(), login(1, **phone), login(1, **phone), login(2))
    (experiment,) = found.experiments
    assert experiment.segments == [SegmentFacts("seg_phones", 2, 1), SegmentFacts(None, 1, 1)]


async def test_exposures_over_time_have_a_row_for_each_variation() -> None:
    found = await facts(percentage_set(), login(1), login(3), login(1))
    series = found.experiments[0].exposures
    assert series is not None
    assert [sum(row) for row in series.counts] == [0, 3]
    assert (found.first, found.last) == (1_767_348_000.0, 1_767_520_800.0)


async def test_an_event_without_a_time_is_counted_but_not_drawn() -> None:
    found = await facts(percentage_set(), {**login(1), "time": None})
    assert (found.undated, found.first, found.experiments[0].exposures) == (1, None, None)
    assert found.experiments[0].reasons == {"split": 1}


async def test_commands_are_counted_by_method_and_enrollments_by_endpoint() -> None:
    handlers = Handlers()

    @handlers.post_login
    def act(event: Any, api: Any) -> None:
        api.multifactor.enable("any")
        api.enroll("https://hooks.example.com/secret", {"user_id": event.user.user_id})

    found = await facts(percentage_set(), login(1), login(2), handlers=handlers)
    assert [(each.handler, each.method, each.calls) for each in found.commands] == [("act", "multifactor.enable", 2)]
    assert found.enrollments == {"https://hooks.example.com/…": 2}


async def test_a_few_dead_letters_of_each_reason_are_kept_masked() -> None:
    found = await facts(percentage_set(), *[b"nonsense"] * 5, b"[]")
    assert {reason: len(samples) for reason, samples in found.samples.items()} == {"not_an_object": 1, "not_json": 3}
    assert found.samples["not_json"][0].source == "log.ndjson/1"


async def test_a_name_in_a_dead_letters_place_is_masked() -> None:
    snapshot = snapshot_of(percentage_set())
    decided, result = await decide(snapshot, [b"nonsense"])
    letter = DeadLetter(Record(b"nonsense", "anna@example.com/1"), "not_json", "at 192.0.2.1", "decode")
    result.dead_letters[:] = [letter]
    collector = Collector(snapshot)
    collector.add(decided, result)
    (sample,) = collector.facts().samples["not_json"]
    assert (sample.source, sample.message) == (MASK, f"at {MASK}")


async def test_batches_add_up() -> None:
    snapshot = snapshot_of(halves())
    pipeline, collector = watched(snapshot), Collector(snapshot)
    events = [login(number) for number in range(40)]
    for start in (0, 20):
        collector.add(*await pipeline.process(batch(*events[start : start + 20])))
    assert collector.facts() == await facts(halves(), *events)


async def test_a_tenant_is_counted_where_its_definitions_are() -> None:
    own = {**halves(), "tenant": "acme"}
    found = await facts(own, login(1, tenant={"id": "acme"}), login(2, tenant={"id": "other"}))
    assert [(each.tenant, sum(each.drawn.values())) for each in found.experiments] == [("acme", 1)]
