from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.formats.fields import is_rfc3339, parse_rfc3339, rfc3339


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00+00:00"),
        ("2026-03-01t12:00:00z", "2026-03-01T12:00:00+00:00"),
        ("2026-03-01 12:00:00Z", "2026-03-01T12:00:00+00:00"),
        ("2026-03-01T12:00:00.5Z", "2026-03-01T12:00:00.500000+00:00"),
        ("2026-03-01T12:00:00.123456789Z", "2026-03-01T12:00:00.123456+00:00"),
        ("2026-03-01T12:00:00+05:30", "2026-03-01T12:00:00+05:30"),
        ("2026-03-01T12:00:00-23:59", "2026-03-01T12:00:00-23:59"),
        ("2026-03-01T12:00:00-00:00", "2026-03-01T12:00:00+00:00"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00+00:00"),
        ("2026-01-31T23:59:59Z", "2026-01-31T23:59:59+00:00"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59+00:00"),
        ("2016-12-31T23:59:60.60Z", "2016-12-31T23:59:59.600000+00:00"),
        ("2060-12-31T23:60:00Z", None),
        ("2016-12-31t15:59:60-08:00", "2016-12-31T15:59:59-08:00"),
        ("0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00+23:59"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59+00:00"),
    ],
)
def test_what_rfc_3339_allows_is_read(text: str, moment: str | None) -> None:
    assert is_rfc3339(text) == (moment is not None)
    if moment is not None:
        assert parse_rfc3339(text).isoformat() == moment


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "2026-03-01", "12:00:00Z", "2026-03-01T12:00:00", "2026-03-01T12:00Z", "2026-03-01T12Z",
        "2026-02-29T12:00:00Z", "2026-02-30T12:00:00Z", "2026-04-31T12:00:00Z", "2100-02-29T12:00:00Z",
        "2026-00-01T12:00:00Z", "2026-13-01T12:00:00Z", "2026-01-00T12:00:00Z", "2026-01-32T12:00:00Z",
        "0000-01-01T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T12:60:00Z", "2026-03-01T12:00:61Z",
        "2026-03-01T12:00:00.Z", "2026-03-01T12:00:00,5Z", "2026-03-01T12:00:00+24:00", "2026-03-01T12:00:00+05:60",
        "2026-03-01T12:00:00+0530", "2026-03-01T12:00:00+05", "2026-03-01T12:00:00+05:30:15", "2026-W10-7T12:00:00Z",
        "2026-060T12:00:00Z", "20260301T120000Z", "26-03-01T12:00:00Z", "+002026-03-01T12:00:00Z",
        "2026-3-1T12:00:00Z", "2026-03-01T12:00:00 Z", " 2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z\n",
        "2026-03-01_12:00:00Z", "2026-03-01T12:00:00Zulu", "\N{FULLWIDTH DIGIT TWO}026-03-01T12:00:00Z",
        "1767225600", "Sun, 01 Mar 2026 12:00:00 GMT",
    ],
)  # fmt: skip
def test_everything_else_is_refused(text: str) -> None:
    assert not is_rfc3339(text)


def moment_of(parts: tuple[int, ...], offset: int) -> datetime | None:
    """What the calendar says of year, month, day, hour, minute and second at that offset in minutes."""
    *others, second = parts
    try:
        return datetime(*others, min(second, 59), tzinfo=timezone(timedelta(minutes=offset)))  # type: ignore[misc,arg-type] # six integers
    except ValueError:
        return None


NUMBERS = st.tuples(
    st.one_of(st.integers(0, 9999), st.just(2024)),
    st.integers(0, 13),
    st.integers(0, 32),
    st.integers(0, 24),
    st.integers(0, 60),
    st.integers(0, 60),
)


@given(NUMBERS, st.integers(-1439, 1439))
def test_a_text_is_accepted_if_the_calendar_has_its_moment(parts: tuple[int, ...], offset: int) -> None:
    hours, minutes = divmod(abs(offset), 60)
    sign = "-" if offset < 0 else "+"
    text = "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}".format(*parts) + f"{sign}{hours:02}:{minutes:02}"
    expected = moment_of(parts, offset)
    assert is_rfc3339(text) == (expected is not None)
    if expected is not None:
        assert parse_rfc3339(text) == expected


@given(st.integers(0, 253_402_300_799_999))
def test_milliseconds_come_back_from_their_text(milliseconds: int) -> None:
    text = rfc3339(milliseconds)
    assert is_rfc3339(text)
    assert (parse_rfc3339(text) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1) == milliseconds
