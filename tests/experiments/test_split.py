"""The hash, the ramp and the split, with the vectors that their authors published."""

from __future__ import annotations

import pytest

from tests.experiments_factory import Worker, new_arm, new_experiment, new_trigger, outcome
from worker.experiments.definitions import Allocation
from worker.experiments.split import allocation_at, draw, in_ramp, shard, slot

ONBOARDING = new_experiment({"control": 25, "red": 25, "green": 25, "purple": 25}, id="new_user_onboarding", level=95)


@pytest.mark.parametrize(
    ("text", "expected"), [("test-input", 5619), ("alice", 3170), ("bob", 7420), ("charlie", 7497)]
)
def test_shards_are_the_published_ones(text: str, expected: int) -> None:
    assert shard(text) == expected


@pytest.mark.parametrize(
    ("user_id", "expected"),
    [
        ("6255e1a7e56d44937e8aa3c9", ("split", "green")),
        ("6255e1a7ac8f59b030f43889", ("split", "purple")),
        ("6255e1a70f8c95d6bd809a13", ("split", "control")),
        ("6255e1a7118c8d871d92c1b6", ("not_in_ramp", None)),
    ],
)
def test_the_published_experiment_splits_as_published(user_id: str, expected: tuple[str, str | None]) -> None:
    assert outcome(Worker(ONBOARDING).decide(new_trigger(user_id=user_id))) == expected


def test_a_shard_is_of_the_utf_8_bytes() -> None:
    assert shard("blåbær@example.no") == 1770


def test_ramp_and_split_hash_two_texts() -> None:
    experiment = new_experiment(id="exp_1", level=1)
    assert slot(experiment, "bob") == shard("assignment-bob-exp_1")
    exposed = shard("exposure-bob-exp_1")
    assert exposed != slot(experiment, "bob")
    assert in_ramp(new_experiment(id="exp_1", level=exposed // 100 + 1), "bob")
    assert not in_ramp(new_experiment(id="exp_1", level=exposed // 100), "bob")


def key_at_shard(prefix: str, wanted: int) -> str:
    """Find a key whose shard in `exp_a` is that one."""
    return next(key for number in range(1_000_000) if shard(f"{prefix}-{(key := f'p{number}')}-exp_a") == wanted)


def test_a_level_takes_its_hundred_shards_and_not_the_next() -> None:
    last_in, first_out = key_at_shard("exposure", 2999), key_at_shard("exposure", 3000)
    experiment = new_experiment(level=30)
    assert in_ramp(experiment, last_in)
    assert not in_ramp(experiment, first_out)


@pytest.mark.parametrize(("level", "expected"), [(None, True), (100, True), (0, False)])
def test_no_ramp_and_level_100_expose_everybody_level_0_nobody(level: int | None, *, expected: bool) -> None:
    experiment = new_experiment(level=level)
    assert {in_ramp(experiment, f"p{number}") for number in range(1000)} == {expected}


@pytest.mark.parametrize(
    ("position", "expected"), [(0, "a"), (999, "a"), (1000, "c"), (2999, "c"), (3000, "d"), (9999, "d")]
)
def test_the_first_allocation_whose_cumulative_weight_exceeds_the_slot(position: int, expected: str) -> None:
    allocation = allocation_at(new_experiment({"a": 10, "b": 0, "c": 20, "d": 70}), position)
    assert allocation is not None
    assert allocation.arm.variation_id == expected


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_allocations_are_walked_in_the_given_order(order: tuple[str, str]) -> None:
    allocation = allocation_at(new_experiment(dict.fromkeys(order, 50)), 0)
    assert allocation is not None
    assert allocation.arm.variation_id == order[0]


def test_a_variation_may_have_several_shares() -> None:
    shares = tuple(Allocation(new_arm(id_), weight) for id_, weight in (("a", 10), ("b", 80), ("a", 10)))
    experiment = new_experiment(allocations=shares)
    found = [allocation_at(experiment, position) for position in (0, 5000, 9999)]
    assert [each and each.arm.variation_id for each in found] == ["a", "b", "a"]


def test_weights_that_end_early_give_nothing_after_their_end() -> None:
    experiment = new_experiment({"a": 40})
    assert allocation_at(experiment, 3999) is not None
    assert allocation_at(experiment, 4000) is None
    assert draw(new_experiment({"a": 0}), "bob") is None


def test_a_weight_of_zero_draws_nobody() -> None:
    experiment = new_experiment({"control": 0, "treatment": 100})
    arms = [draw(experiment, f"p{number}") for number in range(1000)]
    assert {arm and arm.variation_id for arm in arms} == {"treatment"}
