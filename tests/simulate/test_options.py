from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from worker.simulate.options import TrafficOptions, WrongTrafficError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("events", -1),
        ("people", 0),
        ("people", 1_000_001),
        ("seed", -1),
        ("malformed", -0.1),
        ("malformed", 1.5),
        ("malformed", float("nan")),
        ("days", 0),
        ("days", 3651),
        ("start", datetime(1969, 12, 31, tzinfo=UTC)),
        ("start", datetime(2026, 1, 5)),  # noqa: DTZ001 - a time without a zone is the case
    ],
)
def test_an_option_out_of_its_range_is_named_with_what_was_expected(name: str, value: Any) -> None:
    with pytest.raises(WrongTrafficError, match="^" + re.escape(f"{name} is {value}, expected ")):
        TrafficOptions(**{name: value})


def test_the_ends_of_the_ranges_are_allowed() -> None:
    for malformed in (0, 1):
        assert TrafficOptions(events=0, people=1, seed=0, malformed=malformed, days=1).malformed == malformed
