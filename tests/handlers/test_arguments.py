"""What handlers pass to the api, as JSON."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import json
import uuid
from collections import OrderedDict, defaultdict, namedtuple
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.handlers.factories import make_context
from worker.handlers.arguments import MAX_DEPTH, encode, plain
from worker.handlers.errors import WrongUseError
from worker.handlers.events import PostLoginEvent

SURROGATE = "\ud800"

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)
not_json = st.one_of(
    st.binary(),
    st.sampled_from(
        [float("nan"), float("inf"), float("-inf"), 2**64, -(2**63) - 1, SURROGATE, {1: 2}, {SURROGATE: 1}]
    ),
    st.dates(),
    st.datetimes(),
    st.uuids(),
    st.decimals(),
    st.complex_numbers(),
    st.sets(st.integers()),
    st.builds(object),
)


@given(json_values)
def test_every_json_value_survives(value: Any) -> None:
    assert json.loads(encode(plain(value))) == value


@given(not_json, st.sampled_from([lambda value: value, lambda value: [value], lambda value: {"a": [0, value]}]))
def test_everything_else_is_refused_wherever_it_stands(value: Any, put: Any) -> None:
    with pytest.raises(WrongUseError, match="JSON"):
        plain(put(value))


class Colour(enum.StrEnum):
    RED = "red"


Point = namedtuple("Point", "x y")  # noqa: PYI024 - the untyped kind


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "datetime is not JSON; pass a string"),
        (decimal.Decimal(1), "Decimal is not JSON; pass a string or a float"),
        (uuid.UUID(int=1), "UUID is not JSON; pass a string"),
        (b"x", "bytes is not JSON; pass a string"),
        ({1}, "set is not JSON; pass a list"),
        (Colour.RED, "Colour is not JSON; pass a string, number, boolean, None, list or dict"),
        (Point(1, 2), "Point is not JSON; pass a string"),
        (2**64, "an int beyond 64 bits is not safe in JSON; pass a string"),
        (float("nan"), "a float that is no finite number is not JSON"),
        (SURROGATE, "a string with half of a surrogate pair is not JSON"),
        ({1: 2}, "a key of type int is not JSON; pass strings as keys"),
    ],
)
def test_the_message_says_what_was_found_and_what_to_pass(value: Any, complaint: str) -> None:
    with pytest.raises(WrongUseError) as raised:
        plain(value)
    assert str(raised.value).startswith(f": {complaint}")


def test_the_message_says_where() -> None:
    with pytest.raises(WrongUseError) as raised:
        plain({"user": {"logins": [1, {"created": object()}]}})
    assert str(raised.value).startswith(".user.logins[1].created: object is not JSON")


@pytest.mark.parametrize("key", ["ada@example.com", "+49 30 1234", "x" * 41, "a-b", ""])
def test_keys_that_may_be_data_are_not_in_the_message(key: str) -> None:
    with pytest.raises(WrongUseError) as raised:
        plain({"users": {key: object()}})
    assert str(raised.value).startswith(".users[...]: object is not JSON")


def test_mappings_of_all_kinds_become_objects_and_tuples_arrays() -> None:
    value = {
        "proxy": MappingProxyType({"a": (1, 2)}),
        "ordered": OrderedDict(b=1),
        "default": defaultdict(list, c=[1]),
    }
    assert plain(value) == {"proxy": {"a": [1, 2]}, "ordered": {"b": 1}, "default": {"c": [1]}}


def test_parts_of_an_event_can_be_passed_on() -> None:
    event = PostLoginEvent({"user": {"identities": [{"provider": "auth0"}]}}, None)
    assert plain([event.user, event.user.identities]) == [
        {"identities": [{"provider": "auth0"}]},
        [{"provider": "auth0"}],
    ]


def test_the_experiment_can_be_passed_on_and_that_reads_it() -> None:
    reads: list[str] = []
    event = PostLoginEvent(
        {"experiment": "stale"}, make_context(reads, config={"theme": MappingProxyType({"a": (1,)})})
    )
    assert plain(event) == {
        "experiment": {
            "experiment_id": "exp_1",
            "variation_id": "var_b",
            "config": {"theme": {"value": {"a": [1]}}},
            "is_control": False,
        }
    }
    assert reads


def test_the_result_is_a_copy() -> None:
    value = {"a": [1]}
    copied = plain(value)
    value["a"].append(2)
    assert copied == {"a": [1]}


def nested(levels: int, innermost: Any) -> Any:
    value = innermost
    for _ in range(levels):
        value = [value]
    return value


def test_the_deepest_nesting_is_64_levels() -> None:
    assert plain(nested(MAX_DEPTH, 1)) == nested(MAX_DEPTH, 1)
    with pytest.raises(WrongUseError, match="nested deeper than 64 levels"):
        plain(nested(MAX_DEPTH + 1, 1))
    with pytest.raises(WrongUseError, match="nested deeper than 64 levels"):
        plain(nested(MAX_DEPTH, {}))


def test_a_value_that_contains_itself_is_too_deep() -> None:
    endless: list[Any] = []
    endless += [endless, endless]
    with pytest.raises(WrongUseError, match="nested deeper"):
        plain(endless)
