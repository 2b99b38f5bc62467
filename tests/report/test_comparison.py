from __future__ import annotations

from typing import Any

import pytest

from tests.definitions_documents import percentage_set, segment_set
from tests.pipelines import snapshot_of
from tests.report.replayed import HALVES, PHONE, decide, halves, login
from worker import Handlers
from worker.report.comparison import Comparison
from worker.summary import Summary

PEOPLE = [login(number) for number in range(40)]


async def compared(
    before: dict[str, Any], after: dict[str, Any], events: list[dict[str, Any]] | None = None, handlers: Any = None
) -> dict[str, Any]:
    configured, other = snapshot_of(before), snapshot_of(after)
    comparison, summary = Comparison(configured, other), Summary(configured)
    ours = await decide(configured, events or PEOPLE, handlers)
    comparison.add(ours, await decide(other, events or PEOPLE, handlers))
    summary.add(ours[1])
    return comparison.document(summary.document([], 0))


def given(variation_id: str, experiment_id: str = "exp_a") -> dict[str, str]:
    return {"experiment_id": experiment_id, "variation_id": variation_id}


async def test_the_same_definitions_change_nothing() -> None:
    found = await compared(halves(), halves())
    assert found["subjects"] == {
        "compared": 40, "affected": 0, "changed": 0, "gained": 0, "lost": 0, "reconfigured": 0, "moved": 0,
    }  # fmt: skip
    assert {change["kind"] for change in found["changes"]} == {"unchanged"}


async def test_other_weights_change_variations_from_one_to_the_other() -> None:
    found = await compared(halves(), percentage_set())
    (changed, unchanged) = found["changes"]
    assert (changed["kind"], changed["before"], changed["after"]) == (
        "changed", given("var_control"), given("var_treatment"),
    )  # fmt: skip
    assert changed["subjects"] + unchanged["subjects"] == 40
    assert found["subjects"]["changed"] == changed["subjects"] > 0


async def test_examples_are_the_beginnings_of_keys_and_few() -> None:
    (changed, unchanged) = (await compared(halves(), percentage_set()))["changes"]
    assert [len(example) for example in changed["examples"]] == [12, 12, 12]
    assert unchanged["examples"] == []


@pytest.mark.parametrize(("before", "after", "kind"), [(None, 0, "lost"), (0, None, "gained")])
async def test_a_ramp_takes_variations_away_or_gives_them(before: Any, after: Any, kind: str) -> None:
    found = await compared(percentage_set(current_level=before), percentage_set(current_level=after))
    (change,) = found["changes"]
    sides = {"lost": "after", "gained": "before"}
    assert (change["kind"], change["subjects"], change[sides[kind]]) == (kind, 40, None)
    assert found["subjects"][kind] == found["subjects"]["affected"] == 40


async def test_another_config_of_the_same_variation_is_a_change() -> None:
    other = percentage_set()
    other["feature_flags"][0]["variations"][1]["overrides"] = {"on": {"value": True}, "mode": {"value": "new"}}
    found = await compared(percentage_set(), other)
    assert (found["subjects"]["reconfigured"], found["subjects"]["affected"]) == (40, 40)


async def test_the_same_variation_of_another_experiment_is_told_but_affects_nobody() -> None:
    found = await compared(percentage_set(), percentage_set(id="exp_b"))
    assert (found["subjects"]["moved"], found["subjects"]["affected"]) == (40, 0)
    (change,) = found["changes"]
    assert change["after"] == given("var_treatment", "exp_b")


async def test_overridden_events_are_left_out() -> None:
    query = {"experiment_id": "exp_a", "variation_id": "var_control"}
    found = await compared(percentage_set(), percentage_set(id="exp_b"), [login(1, request={"query": query}), login(2)])
    assert (found["overridden"], found["subjects"]["compared"]) == (1, 1)


async def test_a_subject_that_changes_in_two_ways_counts_in_both() -> None:
    events = [login(1, request={"user_agent": PHONE}), login(1)]
    found = await compared(percentage_set(status="draft"), segment_set(), events)
    assert [(change["after"], change["subjects"]) for change in found["changes"]] == [
        (given("var_control"), 1),
        (given("var_treatment"), 1),
    ]
    assert found["subjects"]["affected"] == 1


async def test_segments_have_their_subjects_under_both() -> None:
    phones = [login(number, request={"user_agent": PHONE}) for number in range(3)]
    found = await compared(percentage_set(), segment_set(), [*phones, login(9)])
    rows = [(row["segment_id"], row["configured"], row["other"]) for row in found["segments"]]
    assert rows == [("seg_phones", 0, 3), (None, 0, 1)]


async def test_variations_stand_with_their_part_under_both() -> None:
    found = await compared(halves(), percentage_set(id="exp_b"))
    sides = {
        (row["experiment_id"], row["variation_id"]): (row["configured"] is None, row["other"] is None)
        for row in found["variations"]
    }
    assert sides[("exp_a", "var_control")] == (False, True)
    assert sides[("exp_b", "var_treatment")] == (True, False)
    expected = [row["configured"]["expected_share"] for row in found["variations"] if row["configured"]]
    assert expected == [0.5, 0.5]


def acting() -> Handlers:
    handlers = Handlers()

    @handlers.post_login
    def act(event: Any, api: Any) -> None:
        if event.experiment is not None:
            method = api.multifactor.enable if event.experiment.is_control else api.access.deny
            method("any")
            api.enroll("treated" if not event.experiment.is_control else "control", {})

    return handlers


async def test_what_is_gained_and_lost_does_not_cancel_out() -> None:
    swapped = [
        {**allocation, "variation_id": other["variation_id"]}
        for allocation, other in zip(HALVES, reversed(HALVES), strict=True)
    ]
    found = await compared(halves(), percentage_set(allocations=swapped), handlers=acting())
    commands = {row["method"]: row for row in found["commands"]}
    for row in commands.values():
        assert row["other"] == row["configured"] + row["gained"] - row["lost"]
    assert commands["access.deny"]["configured"] + commands["multifactor.enable"]["configured"] == 40
    assert [row["endpoint"] for row in found["enrollments"]] == ["control", "treated"]


async def test_what_only_one_side_asks_for_is_gained_or_lost() -> None:
    found = await compared(percentage_set(current_level=0), percentage_set(), handlers=acting())
    assert found["commands"] == [{"method": "access.deny", "configured": 0, "other": 40, "gained": 40, "lost": 0}]
    assert found["enrollments"] == [{"endpoint": "treated", "configured": 0, "other": 40, "gained": 40, "lost": 0}]
