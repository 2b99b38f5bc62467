from __future__ import annotations

from collections import Counter

import pytest

from worker.simulate.dice import Dice, Quantiles, Weighted


def test_the_same_seed_falls_the_same_in_every_python() -> None:
    dice = Dice(7, 0)

    assert (dice.between(0, 1000), dice.pick("abcdef"), dice.hex(14), dice.digits(15)) == (
        735,
        "c",
        "ec56644ed7565e",
        "276789918367349",
    )


def test_streams_of_one_seed_differ() -> None:
    assert Dice(7, 0).hex(40) != Dice(7, 1).hex(40)


def test_weights_are_shares() -> None:
    dice, coins = Dice(1, 0), Weighted(("penny", 1), ("pound", 3))

    seen = Counter(dice.draw(coins) for _ in range(4000))

    assert set(seen) == {"penny", "pound"}
    assert 0.22 < seen["penny"] / 4000 < 0.28


@pytest.mark.parametrize(("roll", "value"), [(0.0, "a"), (0.2499, "a"), (0.25, "b"), (0.9999, "b")])
def test_a_roll_falls_on_a_weight(roll: float, value: str) -> None:
    assert Weighted(("a", 1), ("b", 3)).at(roll) == value


@pytest.mark.parametrize(("roll", "value"), [(0.0, 0), (0.25, 1), (0.5, 2), (0.75, 6), (0.9, 8.4)])
def test_quantiles_are_joined_by_straight_lines(roll: float, value: float) -> None:
    assert Quantiles((0, 0), (0.5, 2), (1, 10)).at(roll) == pytest.approx(value)


def test_the_mean_of_quantiles_is_that_of_their_lines() -> None:
    assert Quantiles((0, 0), (0.5, 2), (1, 10)).mean == pytest.approx(3.5)


def test_digits_and_hex_have_the_length_asked_for() -> None:
    dice = Dice(1, 0)

    assert [len(dice.hex(count)) for count in (1, 12, 13, 32)] == [1, 12, 13, 32]
    assert all(len(text := dice.digits(count)) == count and text[0] != "0" for count in (1, 6, 21, 30))
