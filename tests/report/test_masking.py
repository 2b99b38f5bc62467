from __future__ import annotations

import pytest

from worker.report.masking import MASK, mask, mask_endpoint

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"  # noqa: S105 - nobody's


@pytest.mark.parametrize(
    "private",
    [
        "anna@example.com",
        "anna@localhost",
        "anna%40example.com",
        "192.0.2.17",
        "2001:db8::8a2e:370:7334",
        "::1",
        "+49 151 23456789",
        f"Bearer {TOKEN}",
        TOKEN,
        "whsec_C2FVsBQIhrscChlQIMV",
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_what_could_be_a_persons_or_a_secret_is_not_shown(private: str) -> None:
    shown = mask(f"the value is {private}, expected another")
    assert private not in shown
    assert shown.startswith("the value is ")
    assert shown.endswith(" another")


@pytest.mark.parametrize(
    "harmless",
    [
        "logs/2026-01-31/log.ndjson.gz/1234",
        "handler conditional_mfa failed: KeyError at handlers.py:17",
        "time is another text, expected an RFC 3339 date and time",
        "version 1.2.3 of 4",
    ],
)
def test_what_tells_where_and_why_stays(harmless: str) -> None:
    assert mask(harmless) == harmless


@pytest.mark.parametrize(
    ("endpoint", "shown"),
    [
        ("welcome-program", "welcome-program"),
        ("https://hooks.example.com/services/T0/B0/key?token=1", "https://hooks.example.com/…"),
        ("https://user:pass@example.com", "https://example.com/…"),
        ("https://example.com?key=1", "https://example.com/…"),
    ],
)
def test_of_a_url_only_the_host_is_shown(endpoint: str, shown: str) -> None:
    assert mask_endpoint(endpoint) == shown


def test_a_mask_says_that_something_was_there() -> None:
    assert mask("from 192.0.2.17") == f"from {MASK}"
