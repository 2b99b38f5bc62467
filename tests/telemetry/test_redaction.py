from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from worker.telemetry.redaction import error_names, error_place, redact

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"  # noqa: S105 - made up


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("jane@acme.no", "<redacted>"),
        ("found jane.doe+x@mail.acme.no here", "found <redacted> here"),
        ("email=jane%40acme.no", "<redacted>"),
        ("Authorization: Bearer abc.def", "Authorization: <redacted>"),
        ("bearer abc", "<redacted>"),
        ("secret whsec_MfKQ9r8G", "secret <redacted>"),
        (f"token={TOKEN}", "token=<redacted>"),
        ("redis://:hunter2@localhost:6379/0", "redis://<redacted>localhost:6379/0"),
    ],
)
def test_what_looks_like_an_address_or_a_secret_is_not_shown(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text", ["auth.triggers/3/1200", "127.0.0.1:9092", "a @ b", "definitions.yaml: experiments[0].name", "the bearer"]
)
def test_places_and_plain_words_are(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("value", [None, True, 3, 1.5])
def test_figures_stay_as_they_are(value: Any) -> None:
    assert redact(value) is value


def test_parts_are_looked_at_too() -> None:
    fields = {"jane@acme.no": ["a", ("jane@acme.no", 1)], "path": Path("a/b.yaml"), "set": {"jane@acme.no"}}
    assert redact(fields) == {"<redacted>": ["a", ["<redacted>", 1]], "path": "a/b.yaml", "set": ["<redacted>"]}


def test_of_bytes_the_length_is_shown_and_of_errors_the_class() -> None:
    assert redact([b"jane", ValueError("jane")]) == ["<4 bytes>", "ValueError"]


def test_a_long_text_takes_no_long_time() -> None:
    started = time.perf_counter()
    redact("a" * 20_000 + " @ " + "b" * 20_000)
    assert time.perf_counter() - started < 5


def test_an_error_is_told_with_what_it_came_from() -> None:
    def fail() -> None:
        try:
            int("jane")
        except ValueError as error:
            raise RuntimeError("jane") from error

    with pytest.raises(RuntimeError) as raised:
        fail()
    assert error_names(raised.value) == "RuntimeError from ValueError"
    assert error_place(raised.value) == f"test_redaction.py:{fail.__code__.co_firstlineno + 4}"


def test_an_error_that_hides_its_cause_is_told_alone_and_one_that_was_not_raised_has_no_place() -> None:
    error = RuntimeError()
    error.__context__, error.__suppress_context__ = ValueError(), True
    assert (error_names(error), error_place(error)) == ("RuntimeError", None)


def test_errors_that_came_from_each_other_end() -> None:
    one, other = KeyError(), ValueError()
    one.__cause__, other.__cause__ = other, one
    assert error_names(one).startswith("KeyError from ValueError from KeyError")
