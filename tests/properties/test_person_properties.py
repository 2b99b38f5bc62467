"""One person, one variation: in every order, interleaving and batching of what several people do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.experiments_factory import DownStore, Worker, new_experiment, new_trigger, outcome, variation
from tests.properties.people import Event, cuts, histories, live, strangers
from worker.experiments.decide import Decision
from worker.stores.memory import MemoryStore
from worker.trigger import Trigger

MANY = {f"v{number}": 10 for number in range(10)}

unhurried = settings(deadline=None, max_examples=60)


def by_person(decided: Iterable[tuple[int, Decision]]) -> dict[int, list[Decision]]:
    found: dict[int, list[Decision]] = defaultdict(list)
    for person, decision in decided:
        found[person].append(decision)
    return found


def variations(decisions: Iterable[Decision]) -> set[str | None]:
    return {variation(decision) for decision in decisions}


ADA: Sequence[Event] = (
    Event(0, new_trigger("evt_pre", kind="pre_user_registration", user_id=None, email="Ada@b.no ")),
    Event(0, new_trigger("evt_post", kind="post_user_registration", email="ada@b.no")),
    Event(0, new_trigger("evt_login", email="ada@b.no", phone_number="+471")),
    Event(0, new_trigger("evt_again", email="ADA@b.no", username="ada")),
)


@pytest.mark.parametrize("order", list(permutations(ADA)))
@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (2, 2), (1, 3), (3, 1), (4,)])
def test_registration_and_logins_see_one_variation_in_every_order(order: Sequence[Event], sizes: Sequence[int]) -> None:
    rest = iter(order)
    decisions = [
        decision for _, decision in live(Worker(new_experiment(MANY)), [list(islice(rest, size)) for size in sizes])
    ]
    expected = variation(Worker(new_experiment(MANY)).decide(ADA[0].trigger))
    assert [variation(decision) for decision in decisions] == [expected] * 4
    assert [decision.is_first for decision in decisions] == [True, False, False, False]


@unhurried
@given(st.data(), histories())
def test_events_that_share_an_identity_see_one_variation_in_every_order(
    data: st.DataObject, history: list[Event]
) -> None:
    for order in (history, data.draw(st.permutations(history))):
        decided = by_person(live(Worker(new_experiment(MANY)), data.draw(cuts(order))))
        assert all(len(variations(decisions)) == 1 for decisions in decided.values())


@unhurried
@given(st.data(), histories(one_key=True), st.none() | st.integers(0, 100))
def test_events_of_one_bucketing_key_are_answered_alike_in_every_order_and_without_the_store(
    data: st.DataObject, history: list[Event], level: int | None
) -> None:
    experiment = new_experiment(MANY, level=level)
    order = data.draw(st.permutations(history))
    workers = [Worker(experiment), Worker(experiment), Worker(experiment, store=DownStore())]
    found = [
        by_person(live(worker, data.draw(cuts(log))))
        for worker, log in zip(workers, (history, order, history), strict=True)
    ]
    for person in found[0]:
        assert len(variations(decision for decided in found for decision in decided[person])) == 1


@unhurried
@given(st.data(), histories())
def test_each_person_has_exactly_one_first_exposure(data: st.DataObject, history: list[Event]) -> None:
    worker = Worker(new_experiment(MANY))
    for decisions in by_person(live(worker, data.draw(cuts(history)))).values():
        assert [decision.is_first for decision in decisions].count(True) == 1
        assert [decision.reason for decision in decisions].count("split") == 1


@unhurried
@given(st.data(), histories())
def test_workers_that_share_a_store_agree(data: st.DataObject, history: list[Event]) -> None:
    store = MemoryStore()
    workers = [Worker(new_experiment(MANY), store=store) for _ in range(3)]
    decided = [
        decision
        for batch in data.draw(cuts(history))
        for decision in live(data.draw(st.sampled_from(workers)), [batch])
    ]
    assert all(len(variations(decisions)) == 1 for decisions in by_person(decided).values())


@unhurried
@given(st.data(), strangers(), st.sampled_from([None, 0, 50, 100]))
def test_a_context_repeats_when_its_event_is_processed_again(
    data: st.DataObject, log: list[Trigger], level: int | None
) -> None:
    """A crash repeats any prefix: the same context, warnings and first exposure; `linked` has become `sticky`.

    A null may turn into a context, where another event has brought the subject a record meanwhile.
    """
    worker = Worker(new_experiment(MANY, level=level))
    before = worker.decide_all(log[: data.draw(st.integers(0, len(log)))])
    again = worker.decide_all(log)
    for earlier, later in zip(before, again, strict=False):
        if earlier.arm is not None:
            expected = "sticky" if earlier.reason == "linked" else earlier.reason
            assert outcome(later) == (expected, variation(earlier))
            assert (later.is_first, later.warnings) == (earlier.is_first, earlier.warnings)


@unhurried
@given(st.data(), histories(one_key=True))
def test_a_log_that_is_processed_twice_says_the_same_twice(data: st.DataObject, history: list[Event]) -> None:
    worker = Worker(new_experiment(MANY, level=50))
    once, twice = (list(live(worker, data.draw(cuts(history)))) for _ in range(2))
    assert [(person, variation(decision), decision.is_first) for person, decision in once] == [
        (person, variation(decision), decision.is_first) for person, decision in twice
    ]


@unhurried
@given(
    histories(),
    st.integers(0, 16),
    st.lists(st.integers(0, 100), min_size=10, max_size=10),
    st.sampled_from([None, 0, 50]),
    st.sampled_from(["active", "paused"]),
)
def test_editing_weights_level_and_status_never_changes_an_assigned_variation(
    history: list[Event], edited_after: int, weights: list[int], level: int | None, status: str
) -> None:
    worker = Worker(new_experiment(MANY))
    before = by_person(live(worker, [history[:edited_after]]))
    worker.load(new_experiment(dict(zip(MANY, weights, strict=True)), level=level, status=status))
    for person, decision in live(worker, [history[edited_after:]]):
        assert person not in before or {variation(decision)} == variations(before[person])


@unhurried
@given(st.sets(st.sampled_from(list(MANY)), min_size=1), histories(one_key=True))
def test_withdrawing_variations_reassigns_exactly_their_people(withdrawn: set[str], history: list[Event]) -> None:
    worker = Worker(new_experiment(MANY))
    before = by_person(live(worker, [history]))
    left = {name: weight for name, weight in MANY.items() if name not in withdrawn}
    worker.load(new_experiment({**left, "new": 10 * len(withdrawn)}))
    after = by_person(live(worker, [[event._replace(trigger=again(event.trigger)) for event in history]]))
    for person, decisions in after.items():
        is_theirs = not variations(before[person]) <= left.keys()
        assert (decisions[0].reason == "reassigned") is is_theirs
        assert (variations(decisions) == variations(before[person])) is not is_theirs
        assert len(variations(decisions)) == 1


def again(trigger: Trigger) -> Trigger:
    """Return the same as another event."""
    return replace(trigger, id=f"{trigger.id}_again")
