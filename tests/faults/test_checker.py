"""Every rule of the checker fails on the mistake it is for, and on no run without one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from tests.faults.checker import Rule, Run, check
from tests.faults.ideal import ideal_run
from tests.faults.seen import Kind, Seen, parse

replace = msgspec.structs.replace


@pytest.fixture
async def run(tmp_path: Path) -> Run:
    return await ideal_run(tmp_path)


def broken_rules(run: Run) -> set[Rule]:
    return set(check(run).differences)


def reading(run: Run, seen: list[Seen], **changes: Any) -> Run:
    """The run, had both readers seen this instead."""
    return replace(run, seen=seen, followed=seen, **changes)


def first_of(run: Run, kind: Kind, where: Callable[[Seen], object] = lambda _: True) -> Seen:
    return next(each for each in run.seen if each.kind == kind and where(each))


def without(run: Run, gone: Seen) -> Run:
    return reading(run, [each for each in run.seen if each is not gone])


def doubled(run: Run, twice: Seen) -> Run:
    return reading(run, [*run.seen, replace(twice, offset=1_000_000)])


def edited(run: Run, old: Seen, **changes: Any) -> Run:
    return reading(run, [replace(each, **changes) if each is old else each for each in run.seen])


def test_a_run_without_a_fault_holds(run: Run) -> None:
    verdict = check(run)
    assert verdict.holds, str(verdict)


@pytest.mark.parametrize("kind", ["enriched", "dead_letters"])
def test_a_lost_and_a_doubled_outcome_are_seen(run: Run, kind: Kind) -> None:
    found = first_of(run, kind)
    assert "outcome" in broken_rules(without(run, found))
    assert "outcome" in broken_rules(doubled(run, found))


@pytest.mark.parametrize("kind", ["exposures", "commands", "enrollments"])
def test_a_lost_and_a_doubled_output_are_seen(run: Run, kind: Kind) -> None:
    found = first_of(run, kind)
    assert "due" in broken_rules(without(run, found))
    assert {"due", "ids"} <= broken_rules(doubled(run, found))


def test_an_output_of_no_input_is_seen(run: Run) -> None:
    assert "outcome" in broken_rules(edited(run, first_of(run, "enriched"), source="in/0/999999"))


def test_an_output_of_another_event_is_seen(run: Run) -> None:
    assert broken_rules(edited(run, first_of(run, "commands"), about="evt_other")) == {"due"}


def test_an_event_without_its_context_is_seen(run: Run) -> None:
    assert broken_rules(edited(run, first_of(run, "enriched", lambda each: each.variation), variation=None)) == {"due"}


def test_an_enriched_skip_is_seen(run: Run) -> None:
    skip = next(source for source, given in run.inputs.items() if given.due == "skip")
    extra = replace(first_of(run, "enriched"), source=skip, offset=1_000_000)
    assert "outcome" in broken_rules(reading(run, [*run.seen, extra]))


def test_a_dead_letter_for_another_reason_is_seen(run: Run) -> None:
    assert broken_rules(edited(run, first_of(run, "dead_letters"), reason="crashed")) == {"outcome"}


def test_a_dead_letter_with_other_bytes_is_seen(run: Run) -> None:
    assert broken_rules(edited(run, first_of(run, "dead_letters"), about="0" * 16)) == {"outcome"}


def test_a_second_variation_of_a_person_is_seen(run: Run) -> None:
    found = first_of(run, "enriched", lambda each: each.variation == "var_a")
    assert "variation" in broken_rules(edited(run, found, variation="var_b"))


def test_no_first_exposure_and_a_second_one_are_seen(run: Run) -> None:
    first = first_of(run, "exposures", lambda each: each.is_first is True)
    later = first_of(run, "exposures", lambda each: each.is_first is False)
    assert broken_rules(edited(run, first, is_first=False)) == {"first"}
    assert broken_rules(edited(run, later, is_first=True)) == {"first"}


def test_a_missing_and_a_wrong_assignment_are_seen(run: Run) -> None:
    found = first_of(run, "assignments")
    gone = [each for each in run.seen if each.kind != "assignments" or each.about != found.about]
    assert broken_rules(reading(run, gone)) == {"assignments"}
    late = replace(found, offset=1_000_000, variation="var_other")
    assert "assignments" in broken_rules(reading(run, [*run.seen, late]))


def test_an_assignment_key_in_two_partitions_is_seen(run: Run) -> None:
    found = first_of(run, "assignments")
    stray = replace(found, partition=(found.partition + 1) % 8, offset=1_000_000)
    assert "assignments" in broken_rules(reading(run, [*run.seen, stray]))


def test_a_missing_and_a_wrong_record_in_the_store_are_seen(run: Run) -> None:
    subject = next(iter(run.stored))
    gone = {each: variation for each, variation in run.stored.items() if each != subject}
    assert broken_rules(replace(run, stored=gone)) == {"store"}
    assert broken_rules(replace(run, stored={**run.stored, subject: "var_other"})) == {"store"}


def test_who_was_forgotten_and_is_still_known_is_seen(run: Run) -> None:
    subject = next(iter(run.stored))
    assert broken_rules(replace(run, forgotten={subject})) == {"store", "assignments"}
    key = next(each.about for each in run.seen if each.kind == "assignments" and each.about.endswith(subject))
    home = first_of(run, "assignments", lambda each: each.about == key).partition
    tombstone = Seen("assignments", home, 1_000_000, "", 0, "", key)
    erased = {each: variation for each, variation in run.stored.items() if each != subject}
    assert not broken_rules(reading(run, [*run.seen, tombstone], forgotten={subject}, stored=erased))
    assert broken_rules(reading(run, [*run.seen, tombstone])) == {"assignments"}


def redriven(run: Run) -> tuple[Run, list[Seen]]:
    """The run, had the first letter of a failed handler been sent back; and what it came to."""
    source = next(source for source, each in run.inputs.items() if each.reason == "handler_failed")
    exposure = first_of(run, "exposures", lambda each: each.source == source)
    again = replace(exposure, offset=1_000_000)
    enriched = replace(again, kind="enriched", id="enriched of it", is_first=None)
    command = replace(again, kind="commands", id="command of it", is_first=None)
    came = [enriched, again, command]
    return reading(run, [*run.seen, *came], redriven={source}), came


def test_a_letter_that_was_sent_back_comes_to_all_of_it_once(run: Run) -> None:
    mended, came = redriven(run)
    assert not broken_rules(mended), str(check(mended))
    for each in came:
        assert broken_rules(without(mended, each)) & {"outcome", "due"}
        assert broken_rules(reading(mended, [*mended.seen, replace(each, offset=1_000_001)])) & {"outcome", "due"}
    assert "outcome" in broken_rules(replace(mended, redriven=frozenset()))
    assert "first" in broken_rules(edited(mended, came[1], is_first=not came[1].is_first))


def test_two_outputs_out_of_order_are_seen(run: Run) -> None:
    one, other = [each for each in run.seen if each.kind == "enriched" and each.partition == 0][:2]
    swapped = {id(one): replace(one, offset=other.offset), id(other): replace(other, offset=one.offset)}
    assert broken_rules(reading(run, [swapped.get(id(each), each) for each in run.seen])) == {"order"}


def test_an_output_in_another_partition_is_seen(run: Run) -> None:
    found = first_of(run, "exposures")
    assert broken_rules(edited(run, found, partition=(found.partition + 1) % 8)) == {"partition"}


def test_lag_and_an_open_transaction_are_seen(run: Run) -> None:
    assert broken_rules(replace(run, lag={**run.lag, 3: 1})) == {"lag"}
    assert broken_rules(replace(run, open=["enriched/2"])) == {"open"}


def test_what_only_one_reader_saw_is_seen(run: Run) -> None:
    assert broken_rules(replace(run, followed=run.seen[1:])) == {"reads"}
    stray = replace(run.seen[0], digest=0, offset=1_000_000)
    assert broken_rules(replace(run, followed=[*run.seen, stray])) == {"reads"}


def test_a_leak_elsewhere_is_a_difference(run: Run) -> None:
    assert broken_rules(replace(run, leaks=["log of worker 1, line 3"])) == {"leak"}


EXPOSURE = {"event_id": "e", "variation_id": "v", "is_first": True, "user_id": "samlp|a@planted.example"}


@pytest.mark.parametrize(
    ("kind", "key", "document", "header"),
    [
        ("enriched", b"Anna@PLANTED.example", {"id": "e", "event": {"experiment": None}}, b""),
        ("exposures", b"k", {**EXPOSURE, "connection": "203.0.113.9"}, b""),
        ("exposures", b"k", EXPOSURE, b"planted-0123"),
        ("assignments", b"acme|exp|a@planted.example", {"variation_id": "v"}, b""),
    ],
)
def test_a_planted_secret_in_a_record_is_seen(run: Run, kind: Kind, key: bytes, document: Any, header: bytes) -> None:
    leaking = parse(kind, (0, 0), key, orjson.dumps(document), [("ce_subject", header)])
    assert leaking.leak is not None
    assert "leak" in broken_rules(reading(run, [*run.seen, leaking]))


def test_what_may_hold_personal_data_is_no_leak() -> None:
    bytes_of_input = (b"a@planted.example", b'"a@planted.example')
    headers = [("trace", b"planted-1"), ("error.source", b"in/0/1"), ("error.reason", b"not_json")]
    assert parse("dead_letters", (0, 0), *bytes_of_input, headers).leak is None
    assert parse("exposures", (0, 0), b"k", orjson.dumps(EXPOSURE), []).leak is None


def test_a_secret_in_an_error_message_is_a_leak() -> None:
    headers = [("error.message", b"a@planted.example"), ("error.source", b"in/0/1"), ("error.reason", b"not_json")]
    assert parse("dead_letters", (0, 0), None, b"{", headers).leak == "header error.message"


def test_a_verdict_counts_every_difference_and_shows_a_few(run: Run) -> None:
    lines = str(check(reading(run, []))).splitlines()
    assert lines[0].startswith("outcome: ")
    assert len(lines) <= 13 * 6
