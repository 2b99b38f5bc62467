"""What all formats have in common: how they are told apart, what is skipped, how deep and how long they may be."""

from __future__ import annotations

from time import process_time
from typing import Any

import orjson
import pytest

from tests.factories import ABSENT, cloud_event, log_event, post_login, record, trigger_event, user_created
from tests.formats.reading import accepted, rejection, skip_of
from worker.formats.decode import Limits
from worker.formats.read import Read, read

SCOPE = "urn:auth0:acme.example.com"


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (trigger_event(), ("event",)),
        (trigger_event(type="s", log_id="l", date="d"), ("event",)),
        (trigger_event(id=ABSENT, type="s", log_id="l", date="d"), ("event",)),
        (trigger_event(data={}, log_id="l"), ("event",)),
        (cloud_event(), ("data",)),
        (cloud_event(trigger="post_login", event={}), ("data",)),
        (cloud_event(log_id="l", tenant_name="t"), ("data",)),
        (user_created(event={}), ("data",)),
        (log_event(), ("details",)),
        ({"log_id": "l", "data": log_event()}, ("data", "details")),
        ({"data": {"type": "s"}, "log_id": None}, ("data", "details")),
    ],
)
def test_a_format_is_told_by_its_content(document: dict[str, Any], place: tuple[str, ...]) -> None:
    assert accepted(document).trigger.context_path == place


def test_formats_may_be_mixed() -> None:
    documents = (post_login(), log_event(), cloud_event(), {"log_id": "l", "data": log_event()}, user_created())
    ids = [accepted(document).trigger.id for document in documents]
    assert ids == ["evt_1", "log_1", "ce_1", "l", "ce_1"]


@pytest.mark.parametrize("raw", [b"", b"\r", b" ", b" \t\r"])
def test_a_blank_line_of_a_file_is_skipped(raw: bytes) -> None:
    assert skip_of(raw) == "blank"


def test_a_key_without_a_value_is_a_tombstone() -> None:
    assert skip_of(b"", key=b"k", timestamp=1) == "tombstone"
    assert skip_of(b"", key=b"", timestamp=1) == "tombstone"


def nested(levels: int, opening: bytes = b"[", closing: bytes = b"]", inside: bytes = b"") -> bytes:
    """A login of that many levels, counted from the outermost object."""
    inner = b'{"deep":' + opening * (levels - 2) + inside + closing * (levels - 2) + b"}"
    return b'{"trigger":"post_login","event":' + inner + b"}"


@pytest.mark.parametrize(
    ("opening", "closing", "inside"), [(b"[", b"]", b""), (b'{"a":', b"}", b"{}"), (b"[1,", b"]", b"2")]
)
def test_64_levels_are_read_and_65_are_too_deep(opening: bytes, closing: bytes, inside: bytes) -> None:
    deepest = 64 - inside.count(b"{")
    assert accepted(nested(deepest, opening, closing, inside)).trigger.kind == "post_login"
    found = rejection(nested(deepest + 1, opening, closing, inside))
    assert (found.reason, found.message) == ("too_deep", "nested deeper than 64 levels")


@pytest.mark.parametrize(
    "text", [b'"' + b"[" * 100 + b'"', rb'"\\\"' + b"{" * 100 + b'"', b'"\xc3\xa9' + b"[{" * 50 + b'"']
)
def test_brackets_in_strings_are_no_levels(text: bytes) -> None:
    assert accepted(nested(64, inside=text)).trigger.event["deep"]
    assert rejection(nested(65, inside=text)).reason == "too_deep"
    assert accepted(b'{"trigger":"post_login","event":{},' + text + b":[[]]}").trigger.event == {}


def test_levels_side_by_side_are_no_deeper() -> None:
    assert accepted(nested(3, inside=b"[[]]," * 1000 + b"{}")).trigger.event["deep"][1000] == {}


def test_the_depth_may_be_set() -> None:
    deepest = Limits(max_depth=512)
    for inside in (b"", b"1E400"):
        assert isinstance(read(record(nested(512, inside=inside)), deepest), Read)
        assert rejection(nested(513, inside=inside), deepest).reason == "too_deep"
    assert rejection(nested(4), Limits(max_depth=3)).message == "nested deeper than 3 levels"


def test_brackets_without_end_are_too_deep() -> None:
    assert rejection(b'{"a":' * 100_000).reason == "too_deep"
    assert rejection(b'{"a":"' + b"[" * 65).reason == "too_deep"


def cpu_seconds(raw: bytes) -> float:
    started = process_time()
    accepted(raw)
    return process_time() - started


def test_what_is_read_the_slow_way_costs_no_more_the_deeper_it_is() -> None:
    inside = b"1E400" + b",1" * 100_000
    flat = min(cpu_seconds(nested(3, inside=inside)) for _ in range(3))
    deep = min(cpu_seconds(nested(64, inside=inside)) for _ in range(3))
    assert deep < 10 * flat


def test_a_context_is_put_into_the_event_without_decoding_it() -> None:
    raw = orjson.dumps(trigger_event({"a": 1}))
    assert accepted(raw).document is None
    assert accepted(raw).with_context(b"{}") == raw.replace(b'{"a"', b'{"experiment":{},"a"')
