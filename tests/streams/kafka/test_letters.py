from __future__ import annotations

from typing import Any

import pytest
from aiokafka import ConsumerRecord

from worker.streams.kafka.letters import Letter, Marks, back, letter_of, redriven_from

PLACE = b"triggers/1/7"


def record(*headers: tuple[str, bytes], **fields: Any) -> ConsumerRecord:
    given = {
        "topic": "dlq",
        "partition": 0,
        "offset": 5,
        "timestamp": 20,
        "timestamp_type": 0,
        "key": b"k",
        "value": b"{",
    }
    whole = {
        **given,
        "checksum": None,
        "serialized_key_size": 1,
        "serialized_value_size": 1,
        "headers": headers,
        **fields,
    }
    return ConsumerRecord(**whole)


def letter(*headers: tuple[str, bytes], **fields: Any) -> Letter:
    added = (("error.reason", b"not_json"), ("error.source", PLACE), ("error.timestamp", b"10"))
    found = letter_of(record(*headers, *added, **fields))
    assert found is not None
    return found


def test_the_inputs_own_headers_of_the_same_names_are_its_own() -> None:
    found = letter(("error.reason", b"mine"), ("x", b"1"))
    assert (found.reason, found.source, found.timestamp) == ("not_json", "triggers/1/7", 10)
    assert list(found.headers) == [("error.reason", b"mine"), ("x", b"1")]
    assert found.input_place == ("triggers", 1)


def test_a_record_of_somebody_else_is_no_letter() -> None:
    assert letter_of(record()) is None
    assert letter_of(record(("error.reason", b"x"))) is None


def test_what_goes_back_says_once_where_it_came_from() -> None:
    again = letter(("redrive.source", PLACE), ("x", b"1"))
    assert back(again) == [("x", b"1"), ("redrive.source", PLACE)]


@pytest.mark.parametrize("value", [b"", b"triggers", b"a/b/c", b"a/1/", b"\xff/1/2", b"a b/1/2", b"a/1/2/3/4x"])
def test_a_header_of_somebody_else_stands_for_no_source(value: bytes) -> None:
    assert redriven_from([("redrive.source", value)]) is None


def test_the_header_stands_for_the_source() -> None:
    assert redriven_from([("x", b"1"), ("redrive.source", PLACE)]) == "triggers/1/7"
    assert redriven_from([]) is None


def test_marks_are_of_this_letter_and_no_other_at_its_place() -> None:
    marks, found = Marks(), letter()
    key, value = Marks().mark_of(found, "2026-03-01T00:00:00.000Z")
    marks.note(record(key=key, value=value))
    assert marks.has(found)
    other = letter_of(record(("error.reason", b"not_json"), ("error.source", b"triggers/1/8")))
    assert other is not None
    assert not marks.has(other)
    assert marks.gone({0: 5}) == []
    assert marks.gone({0: 6}) == ["0/5"]
    marks.note(record(key=key, value=None))
    assert not marks.has(found)


def test_a_record_that_is_no_mark_is_passed_over() -> None:
    marks = Marks()
    marks.note(record(key=b"0/5", value=b"[]"))
    assert not marks.has(letter())


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (b'{"size":1,"sha256":"x","source":"triggers/1/7"}', False),
        (b'{"size":1,"sha256":"x","source":"triggers/1/8"}', True),
        (b'{"size":1', True),
        (b"[]", True),
        (None, True),
    ],
)
def test_what_stands_for_a_value_is_told_from_a_value(value: bytes | None, kept: bool) -> None:  # noqa: FBT001 - a case
    assert letter(value=value).kept is kept


@pytest.mark.parametrize("source", [b"log.ndjson/3", b"x", b"a/b/1", b"a/1/b"])
def test_a_source_that_is_none_of_kafkas_has_no_place(source: bytes) -> None:
    found = letter_of(record(("error.reason", b"not_json"), ("error.source", source)))
    assert found is not None
    assert found.input_place is None
