from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.definitions_documents import percentage_set
from tests.experiments.loading import codes, experiment_of, load
from worker.experiments.timestamps import normalise


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("2026-01-03T10:00:00Z", "2026-01-03T10:00:00.000000Z"),
        ("2026-01-03t10:00:00z", "2026-01-03T10:00:00.000000Z"),
        ("2026-01-03 10:00:00.5Z", "2026-01-03T10:00:00.500000Z"),
        ("2026-01-03T10:00:00.123456789Z", "2026-01-03T10:00:00.123456Z"),
        ("2026-01-03T00:30:00+01:00", "2026-01-02T23:30:00.000000Z"),
        ("2026-01-03T00:30:00-05:30", "2026-01-03T06:00:00.000000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"),
        ("2016-12-31T15:59:60.25-08:00", "2017-01-01T00:00:00.250000Z"),
        ("1000-01-01T00:00:00+23:59", "0999-12-31T00:01:00.000000Z"),
        ("8999-12-31T23:59:60-23:59", "9000-01-01T23:59:00.000000Z"),
    ],
)
def test_a_timestamp_is_in_utc_with_six_digits(text: str, normal: str) -> None:
    assert normalise(text) == normal
    assert experiment_of(percentage_set(updated_at=text)).updated_at == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-03",
        "2026-01-03T10:00Z",
        "2026-01-03T10:00:00",
        "2026-01-03T10:00:00+0100",
        "2026-01-03T10:00:00+24:00",
        "2026-01-03T10:00:00.Z",
        "2026-01-03T24:00:00Z",
        "2026-01-03T10:60:00Z",
        "2026-01-03T10:00:61Z",
        "2026-13-03T10:00:00Z",
        "2025-02-29T10:00:00Z",
        "2026-01-03T10:00:00Z ",
        "٢٠٢٦-01-03T10:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:60Z",
    ],
)
def test_what_is_no_time_of_rfc_3339_is_refused(text: str) -> None:
    assert codes(load(percentage_set(updated_at=text))) == ["invalid_shape"]


@pytest.mark.parametrize("text", ["yesterday", ""])
def test_only_timestamps_can_be_normalised(text: str) -> None:
    with pytest.raises(ValueError, match="expected a date and time of RFC 3339"):
        normalise(text)


moments = st.datetimes(
    min_value=datetime.fromisoformat("1001-01-01"),
    max_value=datetime.fromisoformat("8998-01-01"),
    timezones=st.just(UTC),
)
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@settings(deadline=None)
@given(moments, moments, zones, zones)
def test_text_order_is_time_order(first: datetime, second: datetime, one: timezone, other: timezone) -> None:
    texts = normalise(first.astimezone(one).isoformat()), normalise(second.astimezone(other).isoformat())
    assert (texts[0] < texts[1]) is (first < second)
