"""Ramp and split over many people: who is in, in which proportions, and how experiments keep apart."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.experiments_factory import new_experiment
from worker.experiments.definitions import Experiment
from worker.experiments.split import draw, in_ramp

PEOPLE = [f"auth0|{number:05}" for number in range(10_000)]
LEVELS = st.integers(0, 100)
IDS = st.text("abcdefghij_", min_size=1, max_size=12).map("exp_{}".format)

at_rest = settings(derandomize=True, deadline=None, max_examples=8)


@st.composite
def shares(draw_: st.DrawFn) -> dict[str, int]:
    """Two to five weights that sum to 100; some may be 0."""
    cuts = sorted(draw_(st.lists(LEVELS, min_size=1, max_size=4)))
    bounds = zip([0, *cuts], [*cuts, 100], strict=True)
    return {f"v{index}": after - before for index, (before, after) in enumerate(bounds)}


def given_to(experiment: Experiment, key: str) -> str | None:
    arm = draw(experiment, key)
    return None if arm is None else arm.variation_id


def bound(freedom: int) -> float:
    """What chi-square of that many degrees of freedom exceeds less than once in a million times.

    Laurent and Massart (2000), lemma 1: P(χ² ≥ k + 2√(kx) + 2x) ≤ e⁻ˣ, here with x = 14.
    """
    return freedom + 2 * math.sqrt(freedom * 14) + 28


def chi_square(observed: Sequence[int], expected: Sequence[float]) -> float:
    return sum((seen - due) ** 2 / due for seen, due in zip(observed, expected, strict=True))


@given(st.text(), IDS, shares(), LEVELS, LEVELS)
def test_raising_a_level_only_adds_people_and_changes_no_variation(
    key: str, id_: str, weights: Mapping[str, int], one: int, other: int
) -> None:
    low, high = (new_experiment(weights, id=id_, level=level) for level in sorted((one, other)))
    before = given_to(low, key)
    assert before in {None, given_to(high, key)}
    assert given_to(high, key) in {None, given_to(new_experiment(weights, id=id_), key)}


@at_rest
@given(IDS, shares())
def test_people_are_given_variations_in_proportion_to_the_weights(id_: str, weights: Mapping[str, int]) -> None:
    experiment = new_experiment(weights, id=id_)
    seen = Counter(given_to(experiment, person) for person in PEOPLE)
    drawn = {variation: weight * 100 for variation, weight in weights.items() if weight}
    assert seen.keys() == drawn.keys()
    assert chi_square([seen[variation] for variation in drawn], list(drawn.values())) < bound(len(drawn) - 1)


@at_rest
@given(IDS, st.integers(1, 99))
def test_the_ramp_lets_its_share_in(id_: str, level: int) -> None:
    inside = sum(in_ramp(new_experiment(id=id_, level=level), person) for person in PEOPLE)
    assert chi_square([inside, 10_000 - inside], [level * 100, 10_000 - level * 100]) < bound(1)


@at_rest
@given(IDS, st.integers(10, 90))
def test_the_ramp_leaves_the_proportions_as_they_are(id_: str, level: int) -> None:
    experiment = new_experiment({"a": 20, "b": 30, "c": 50}, id=id_, level=level)
    seen = Counter(variation for person in PEOPLE if (variation := given_to(experiment, person)))
    due = [seen.total() * share for share in (0.2, 0.3, 0.5)]
    assert chi_square([seen[variation] for variation in "abc"], due) < bound(2)


@at_rest
@given(st.lists(IDS, min_size=2, max_size=2, unique=True))
def test_two_experiments_are_independent(ids: list[str]) -> None:
    one, other = (new_experiment({"a": 20, "b": 30, "c": 50}, id=id_) for id_ in ids)
    pairs = Counter((given_to(one, person), given_to(other, person)) for person in PEOPLE)
    rows = Counter(row for row, _ in pairs.elements())
    columns = Counter(column for _, column in pairs.elements())
    cells = [(row, column) for row in rows for column in columns]
    due = [rows[row] * columns[column] / len(PEOPLE) for row, column in cells]
    assert chi_square([pairs[cell] for cell in cells], due) < bound(4)
