"""Statistics against published values."""

from __future__ import annotations

import pytest

from worker.report.statistics import chi_square_p, upper_gamma, wilson


@pytest.mark.parametrize(
    ("freedom", "critical", "p"),
    [  # NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4: upper critical values of chi-square
        (1, 3.841, 0.05),
        (1, 10.828, 0.001),
        (2, 5.991, 0.05),
        (3, 7.815, 0.05),
        (10, 18.307, 0.05),
        (10, 29.588, 0.001),
        (100, 124.342, 0.05),
    ],
)
def test_the_chi_square_distribution_is_the_published_one(freedom: int, critical: float, p: float) -> None:
    assert upper_gamma(freedom / 2, critical / 2) == pytest.approx(p, rel=2e-3)


def test_the_p_value_of_counts_is_that_of_their_statistic() -> None:
    assert chi_square_p([60, 40], [0.5, 0.5]) == pytest.approx(0.0455, abs=1e-4)  # chi-square 4, one degree of freedom
    assert chi_square_p([50, 50], [0.5, 0.5]) == 1


def test_extreme_statistics_neither_fail_nor_leave_0_to_1() -> None:
    assert 0 <= chi_square_p([100_000, 0], [0.5, 0.5]) < 1e-300
    assert upper_gamma(0.5, 0.0) == 1


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [  # Newcombe (1998), Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_is_the_published_one(count: int, total: int, low: float, high: float) -> None:
    found = wilson(count, total)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert found.share == count / total
