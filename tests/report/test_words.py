from __future__ import annotations

from typing import get_args

import pytest

from worker.experiments.vocabulary import Reason
from worker.outputs import OutputKind
from worker.pipeline import Part
from worker.records import DeadLetterReason
from worker.report.statistics import SampleRatio, Verdict, check_sample_ratio
from worker.report.words import (
    DEAD_LETTERS,
    OUTPUTS,
    PARTS,
    REASONS,
    length,
    moment,
    probability,
    sample_ratio,
    several,
)


def test_every_word_of_the_closed_lists_is_explained() -> None:
    assert set(REASONS) == set(get_args(Reason))
    assert set(DEAD_LETTERS) == set(get_args(DeadLetterReason))
    assert set(OUTPUTS) == set(get_args(OutputKind))
    assert set(PARTS) > set(get_args(Part))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "second"), (900, "15 minutes"), (3600, "hour"), (21_600, "6 hours"), (86_400, "day"), (2_419_200, "4 weeks")],
)
def test_lengths_of_time_are_whole_units(seconds: int, text: str) -> None:
    assert length(seconds) == text


def test_a_moment_is_as_exact_as_its_steps() -> None:
    assert [moment(1_767_571_205, step) for step in (1, 900, 86_400)] == [
        "2026-01-05 00:00:05",
        "2026-01-05 00:00",
        "2026-01-05",
    ]


def test_moments_beyond_the_calendar_are_its_ends() -> None:
    assert moment(-62_135_596_801, 86_400) == "0001-01-01"
    assert moment(253_402_300_800, 86_400) == "9999-12-31"


@pytest.mark.parametrize(
    ("observed", "shares", "says"),
    [
        ([5022, 4978], [0.5, 0.5], "or farther, 66 times in 100 (χ² = 0.19, 1 degree of freedom, p = 0.66)"),
        ([5100, 4900], [0.5, 0.5], "or farther, 46 times in 1,000"),
        ([6000, 4000], [0.5, 0.5], "less than 1 time in 1,000 (χ² = 400.00, 1 degree of freedom, p < 0.0001)"),
        ([3, 1], [0.5, 0.5], "Too few to tell: 4 first assignments, at least 10 needed"),
        ([9, 0], [1.0, 0.0], "there is no ratio to check"),
        ([9, 1], [1.0, 0.0], "A variation of weight 0 was drawn"),
    ],
)
def test_a_check_is_said_in_words(observed: list[int], shares: list[float], says: str) -> None:
    assert says in sample_ratio(check_sample_ratio(observed, shares))


def test_every_verdict_has_its_words() -> None:
    for verdict in get_args(Verdict):
        assert sample_ratio(SampleRatio(verdict, 100, 10, 1.0, 1, 0.3))


def test_a_tiny_probability_is_no_zero() -> None:
    assert (probability(1e-9), probability(0.04)) == ("p < 0.0001", "p = 0.04")
    assert (several(1, "event"), several(2000, "event")) == ("1 event", "2,000 events")
