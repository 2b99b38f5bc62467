from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.report.statistics import check_sample_ratio, chi_square_p, wilson


@pytest.mark.parametrize(
    ("statistic", "freedom", "p"),
    [  # NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4: upper critical values
        (3.841, 1, 0.05),
        (6.635, 1, 0.01),
        (10.828, 1, 0.001),
        (5.991, 2, 0.05),
        (13.816, 2, 0.001),
        (18.307, 10, 0.05),
        (43.773, 30, 0.05),
        (124.342, 100, 0.05),
        (149.449, 100, 0.001),
    ],
)
def test_a_chi_square_has_the_published_probability(statistic: float, freedom: int, p: float) -> None:
    assert chi_square_p(statistic, freedom) == pytest.approx(p, rel=2e-3)


def test_no_deviation_is_certain_and_a_huge_one_impossible() -> None:
    assert chi_square_p(0.0, 3) == 1.0
    assert chi_square_p(5000.0, 3) < 1e-300


@given(st.floats(0.01, 300), st.integers(1, 60))
def test_a_larger_chi_square_is_never_likelier(statistic: float, freedom: int) -> None:
    assert 0 <= chi_square_p(statistic * 1.1, freedom) <= chi_square_p(statistic, freedom) + 1e-12 <= 1 + 1e-9


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_an_interval_is_the_published_one(hits: int, total: int, low: float, high: float) -> None:
    assert wilson(hits, total) == pytest.approx((low, high), abs=5e-5)


def test_nothing_observed_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 10_000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_an_interval_holds_its_share_and_stays_a_share(counts: tuple[int, int]) -> None:
    low, high = wilson(*counts)
    assert 0 <= low <= counts[0] / counts[1] <= high <= 1


def test_a_split_as_meant_is_found_so() -> None:
    found = check_sample_ratio([5022, 4978], [0.5, 0.5])
    assert (found.verdict, found.freedom) == ("as_meant", 1)
    assert found.statistic == pytest.approx(0.1936)
    assert found.p == pytest.approx(0.66, abs=0.005)


def test_a_published_mismatch_is_found() -> None:
    # Kohavi, Tang, Xu: Trustworthy Online Controlled Experiments (2020), chapter 21, scenario 1
    found = check_sample_ratio([821_588, 815_482], [0.5, 0.5])
    assert found.verdict == "mismatch"
    assert found.p == pytest.approx(1.8e-6, rel=0.05)


def test_few_assignments_say_nothing_and_how_many_are_needed() -> None:
    found = check_sample_ratio([30, 0], [0.9, 0.1])
    assert (found.verdict, found.total, found.needed, found.p) == ("too_few", 30, 50, None)
    assert check_sample_ratio([50, 0], [0.9, 0.1]).verdict == "as_meant"


def test_a_variation_without_weight_leaves_no_ratio_and_must_get_nobody() -> None:
    assert check_sample_ratio([10, 0], [1.0, 0.0]).verdict == "no_ratio"
    assert check_sample_ratio([10, 1], [1.0, 0.0]).verdict == "mismatch"
