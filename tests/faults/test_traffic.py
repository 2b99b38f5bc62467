"""The traffic is what it says: its truth is what the worker's own reader finds, and people race."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from tests.faults.seen import holds_secret
from tests.faults.traffic import (
    CRASHING,
    FREEZING,
    LEAVING,
    MAX_BYTES,
    POISONOUS,
    RACING,
    Input,
    Mix,
    Name,
    sources,
    traffic,
)
from worker.formats.decode import Limits
from worker.formats.read import read
from worker.records import Record, Rejected, Skipped


def outcome(given: Input, source: str) -> tuple[str, str | None]:
    """What reading the input alone comes to."""
    try:
        found = read(Record(given.value or b"", source, given.key, (), 0), Limits(max_bytes=MAX_BYTES))
    except Rejected as rejection:
        return "dead_letter", rejection.reason
    return ("skip", None) if isinstance(found, Skipped) else ("enriched", None)


def test_equal_arguments_give_equal_inputs() -> None:
    assert traffic(300, seed=3) == traffic(300, seed=3)
    assert traffic(300, seed=3) != traffic(300, seed=4)


@pytest.mark.parametrize("seed", [1, 2])
def test_each_input_comes_to_what_the_traffic_says(seed: int) -> None:
    for source, given in sources(traffic(1500, seed, POISONOUS).inputs, "in"):
        due = ("enriched", None) if given.reason == "handler_failed" else (given.due, given.reason)
        assert outcome(given, source) == due


def test_every_kind_of_outcome_is_there() -> None:
    reasons = {given.reason for given in traffic(3000, 1, POISONOUS).inputs}
    assert len(reasons) == 12
    assert {given.due for given in traffic(3000, 1).inputs} == {"enriched", "dead_letter", "skip"}


@pytest.mark.parametrize("mix", [CRASHING, FREEZING])
def test_one_login_of_nobody_is_deadly(mix: Mix) -> None:
    inputs = traffic(1000, 1, mix).inputs
    (deadly,) = [given for given in inputs if given.reason == "crashed"]
    assert (deadly.due, len(inputs)) == ("dead_letter", 1000)
    assert f'"name":"{mix.deadly[0]}"'.encode() in (deadly.value or b"")
    assert outcome(deadly, "in/0/0") == ("enriched", None)


def test_event_ids_are_unique() -> None:
    ids = Counter(given.event.id for given in traffic(3000, 1).inputs if given.event is not None)
    assert set(ids.values()) == {1}


def test_a_places_offset_counts_within_its_partition() -> None:
    places = [place for place, given in sources(traffic(500, 1).inputs, "in") if given.partition == 3]
    assert places == [f"in/3/{offset}" for offset in range(len(places))]


def test_one_persons_events_are_spread_over_partitions() -> None:
    partitions: dict[int, list[int]] = defaultdict(list)
    for given in traffic(2000, 1, RACING).inputs:
        if given.event is not None and given.event.person is not None:
            partitions[given.event.person].append(given.partition)
    assert sum(len(set(each)) > 2 for each in partitions.values()) > len(partitions) * 0.8


def test_movers_have_one_user_id_and_two_addresses() -> None:
    names: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for given in traffic(2000, 1, RACING).inputs:
        if given.event is not None and given.event.person is not None:
            names[given.event.person] |= set(given.event.names)
    kinds = Counter(tuple(sorted(type_ for type_, _ in each)) for each in names.values())
    assert kinds["identifier", "identifier", "user"] > 100
    assert kinds["identifier", "user"] > 100


def test_who_left_comes_again_only_after_the_next_ones_left_and_as_somebody_else() -> None:
    drawn = traffic(3000, 1, LEAVING, 3)
    assert len(drawn.leavings) == 3
    lives: dict[Name, list[int]] = defaultdict(list)
    persons: dict[Name, set[int]] = defaultdict(set)
    for at, given in enumerate(drawn.inputs):
        if given.event is not None and given.event.person is not None:
            for name in given.event.names:
                lives[name].append(at)
                persons[name].add(given.event.person)
    for leaving, following in pairwise(drawn.leavings):
        names = [name for person in leaving.people for name in person]
        assert all(not leaving.at <= at < following.at for name in names for at in lives[name])
        again = [name for name in names if max(lives[name]) > leaving.at]
        assert 0 < len(again) < len(names)
        assert all(len(persons[name]) > 1 for name in again)


def test_every_person_has_secrets_planted() -> None:
    events = [given for given in traffic(500, 1).inputs if given.event is not None]
    assert all(holds_secret(given.value or b"") for given in events)
