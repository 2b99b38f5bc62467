"""When a batch is tried record by record, and when a record is given up."""

from __future__ import annotations

import pytest

from worker.streams.kafka.lane import Failures


def failed(*places: tuple[int, int]) -> Failures:
    """What is known after batches of that many records from that offset on failed, one after the other."""
    failures = Failures()
    for offset, records in places:
        failures.note(offset, records, "crashed", "processing failed: ValueError")
    return failures


def test_one_failure_changes_nothing() -> None:
    assert not failed((5, 10)).alone_at(5)


def test_a_batch_that_fails_twice_is_tried_record_by_record_to_its_end() -> None:
    failures = failed((5, 10), (5, 10))
    assert [offset for offset in range(20) if failures.alone_at(offset)] == list(range(15))
    assert not failures.given_up


def test_failures_in_different_places_do_not_add_up() -> None:
    failures = failed((5, 10), (7, 10), (5, 10))
    assert not failures.alone_at(5)


def test_a_record_that_fails_twice_alone_is_given_up() -> None:
    failures = failed((5, 10), (5, 10), (5, 1), (5, 1))
    assert (failures.given_up, failures.reason, failures.message) == (True, "crashed", "processing failed: ValueError")


@pytest.mark.parametrize("before", [(), ((5, 10), (5, 10))])
def test_a_record_that_is_given_up_is_taken_alone_whatever_has_arrived_since(
    before: tuple[tuple[int, int], ...],
) -> None:
    assert failed(*before, (5, 1), (5, 1)).alone_at(5)


def test_what_is_behind_is_forgotten() -> None:
    failures = failed((5, 1), (5, 1))
    failures.forget()
    assert (failures.given_up, failures.alone_at(6)) == (False, False)
