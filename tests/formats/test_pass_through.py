"""Passing through is exact: outside of the member `experiment` every byte of the output is the input's.

A sentinel that no input holds is set as the context. Where it was inserted, taking the inserted member out again must
give the input; where it replaced a value, that value must have stood at this place, with nothing else around it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from tests.factories import record
from tests.formats.json_texts import DOCUMENTS, VALUES, framed
from tests.formats.reading import accepted, identity
from worker.formats import trigger
from worker.formats.decode import decode
from worker.formats.read import Read
from worker.formats.splice import _find_opening, _open, insert_member, set_member
from worker.trigger import Path

SENTINEL = b'{"sentinel":"5f0c2d"}'
EVERY_FORMAT = pytest.mark.parametrize("name", DOCUMENTS)


def exactly(raw: bytes) -> Any:
    """What the text says, numbers as they are spelled."""
    return json.loads(raw, parse_int=lambda n: ("number", n), parse_float=lambda n: ("number", n))


def at(document: Any, path: Path) -> Any:
    """The value at the path; absent is `...`."""
    for name in path:
        document = document.get(name, ...)
    return document


def with_member(document: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    if not path:
        return {**document, "experiment": value}
    return {**document, path[0]: with_member(document.get(path[0]) or {}, path[1:], value)}


def inserted(raw: bytes, out: bytes, piece: bytes, *, into: dict[str, Any]) -> bool:
    """Tell whether the output without that member is the input."""
    assert out.count(piece) == 1
    return out.replace(piece + (b"," if into else b""), b"") == raw


def replaced(raw: bytes, out: bytes, piece: bytes, *, instead_of: Any) -> bool:
    """Tell whether what follows a `:` in the input was that value where the output has the piece."""
    before, after = out.split(piece)
    old = raw[len(before) : len(raw) - len(after)]
    return raw == before + old + after and before.rstrip().endswith(b":") and exactly(old) == instead_of


def assert_passed_through(raw: bytes, out: bytes, path: Path) -> None:
    said, member = exactly(raw), b'"experiment":' + SENTINEL
    target = at(said, path)
    if target is ...:
        assert inserted(raw, out, b'"details":{%b}' % member, into=at(said, path[:-1]))
    elif target is None:
        assert replaced(raw, out, b"{%b}" % member, instead_of=None)
    elif "experiment" in target:
        assert replaced(raw, out, SENTINEL, instead_of=target["experiment"])
    else:
        assert inserted(raw, out, member, into=target)
    assert exactly(out) == with_member(said, path, exactly(SENTINEL))


@EVERY_FORMAT
@settings(max_examples=40)
@given(data=st.data())
def test_every_other_byte_is_the_inputs(name: str, data: DataObject) -> None:
    raw = data.draw(DOCUMENTS[name])
    found = accepted(raw)
    assert_passed_through(raw, found.with_context(SENTINEL), found.trigger.context_path)


@EVERY_FORMAT
@settings(max_examples=20)
@given(data=st.data())
def test_the_place_is_the_same_whether_it_is_found_or_scanned_for(name: str, data: DataObject) -> None:
    raw = data.draw(DOCUMENTS[name])
    path = accepted(raw).trigger.context_path
    target = at(exactly(raw), path)
    if isinstance(target, dict):
        position, empty = _find_opening(raw, path)
        assert (position, empty) == (_open(raw, path), not target)


@settings(max_examples=60)
@given(DOCUMENTS["native"])
def test_a_native_event_is_the_same_whether_it_is_read_straight_or_the_long_way(raw: bytes) -> None:
    document = decode(raw)
    straight, long = trigger.read_straight(record(raw)), trigger.read(document, record(raw))
    assert identity(accepted(raw).trigger) == identity(long)
    if straight is not None:
        assert identity(straight) == identity(long)
        assert dict(straight.event) == long.event
        assert straight.query == long.query
        short, whole = Read(record(raw), straight, None), Read(record(raw), long, document)
        assert short.with_context(SENTINEL) == whole.with_context(SENTINEL)


@settings(max_examples=50)
@given(framed(VALUES).filter(lambda raw: raw.strip().startswith(b"{")), st.sampled_from(["experiment", "é", "a"]))
def test_a_member_may_be_set_in_any_object(raw: bytes, key: str) -> None:
    out = set_member(raw, exactly(raw), (), key, SENTINEL)
    assert exactly(out) == {**exactly(raw), key: exactly(SENTINEL)}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"event":{"a":1}}',
        b'{"event" \t:\r\n {"a":1}}',
        b'{"a":"event","event":{"a":1}}',
        b'{"a":{"event":2},"event":{"a":1}}',
        b'{"event":{"a":{"event":2}}}',
        b'{"event":[],"event":{"a":1}}',
        rb'{"event":[],"\u0065vent":{"a":1}}',
        rb'{"\"event":{"b":1},"\u0065ven\u0074":{"a":1}}',
        rb'{"x":"\"event\":{","event":{"a":1}}',
        rb'{"x":"\\","event":{"a":1},"y":["]}",-1E+400,{"z":[{}]}]}',
        b'{"y":true,"z":null ,"x":-0,"event":{"a":1}}',
    ],
)
def test_the_event_is_found_however_it_is_spelled(raw: bytes) -> None:
    place = raw.rindex(b'{"a":1}') + 1 if b'{"a":1}' in raw else raw.index(b'{"a":{') + 1
    assert insert_member(raw, ("event",), "experiment", b"null") == raw[:place] + b'"experiment":null,' + raw[place:]


@pytest.mark.parametrize(
    ("raw", "out"),
    [
        (b'{"experiment":1}', b'{"experiment":X}'),
        (b'{"experiment":1,"experiment" : [2] }', b'{"experiment":1,"experiment" : X }'),
        (rb'{"\u0065xperiment":{"a":"}"},"b":1}', rb'{"\u0065xperiment":X,"b":1}'),
        (b'{ "experiment":"\\"," }', b'{ "experiment":X }'),
        (b"{ }", b'{"experiment":X }'),
        (b'{\n"a":1}', b'{"experiment":X,\n"a":1}'),
    ],
)
def test_an_experiment_that_came_in_is_replaced_where_it_stands(raw: bytes, out: bytes) -> None:
    assert set_member(raw, json.loads(raw), (), "experiment", b"X") == out


@pytest.mark.parametrize(
    ("raw", "out"),
    [
        (b"{}", b'{"data":{"details":{"experiment":X}}}'),
        (b'{"data":null}', b'{"data":{"details":{"experiment":X}}}'),
        (b'{"data":{ }}', b'{"data":{"details":{"experiment":X} }}'),
        (b'{"data":{"a":1,"details" : null}}', b'{"data":{"a":1,"details" : {"experiment":X}}}'),
        (b'{"data":{"details":{}}}', b'{"data":{"details":{"experiment":X}}}'),
    ],
)
def test_objects_that_are_missing_on_the_way_are_made(raw: bytes, out: bytes) -> None:
    assert set_member(raw, json.loads(raw), ("data", "details"), "experiment", b"X") == out
