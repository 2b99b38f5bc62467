"""The api's cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.handlers.factories import Clock
from worker.handlers.cache import MAX_KEY_BYTES, MAX_TTL_MS, MAX_VALUE_BYTES, Cache, CacheRecord
from worker.handlers.errors import WrongUseError


def test_a_value_comes_back_with_its_end_24_hours_later() -> None:
    cache = Cache(Clock(1_000.5))
    cache.set("k", {"a": [1, None]})
    assert cache.get("k") == CacheRecord({"a": [1, None]}, 1_000_500 + MAX_TTL_MS)


def test_what_was_never_set_is_none() -> None:
    assert Cache(Clock()).get("k") is None


def test_each_reader_gets_a_copy_of_what_was_set() -> None:
    cache, value = Cache(Clock()), {"a": 1}
    cache.set("k", value)
    value["a"] = 2
    first = cache.get("k")
    assert first is not None
    first.value["a"] = 3
    second = cache.get("k")
    assert second is not None
    assert second.value == {"a": 1}


def test_a_record_is_forgotten_when_its_time_is_over() -> None:
    clock = Clock(0.0)
    cache = Cache(clock)
    cache.set("k", 1, ttl=1_000)
    clock.now = 0.999
    assert cache.get("k") == CacheRecord(1, 1_000)
    clock.now = 1.0
    assert cache.get("k") is None


@pytest.mark.parametrize(
    ("options", "expires_at"),
    [
        ({"ttl": 10}, 1_000_010),
        ({"expires_at": 1_000_020}, 1_000_020),
        ({"ttl": 10, "expires_at": 1_000_005}, 1_000_005),
        ({"ttl": 10, "expires_at": 1_000_020}, 1_000_010),
        ({"ttl": 2 * MAX_TTL_MS}, 1_000_000 + MAX_TTL_MS),
        ({"expires_at": 10**15}, 1_000_000 + MAX_TTL_MS),
    ],
)
def test_the_earlier_end_counts_and_24_hours_at_most(options: dict[str, int], expires_at: int) -> None:
    cache = Cache(Clock(1_000.0))
    cache.set("k", "v", **options)
    assert cache.get("k") == CacheRecord("v", expires_at)


def test_a_record_that_is_over_already_is_not_there() -> None:
    cache = Cache(Clock(1_000.0))
    cache.set("k", "v", expires_at=999_999)
    assert cache.get("k") is None


def test_deleting_forgets_and_does_not_mind_an_absent_key() -> None:
    cache = Cache(Clock())
    cache.set("k", 1)
    cache.delete("k")
    cache.delete("k")
    assert cache.get("k") is None


def test_the_least_recently_used_record_goes_first() -> None:
    cache = Cache(Clock(), max_records=2)
    cache.set("a", 1)
    cache.set("b", 2)
    assert cache.get("a")
    cache.set("c", 3)
    assert [key for key in "abc" if cache.get(key)] == ["a", "c"]


@pytest.mark.parametrize("key", ["", "x" * (MAX_KEY_BYTES + 1), "ä" * 33, "\n", "\ud800", 5, None])
def test_a_key_is_a_printable_string_of_at_most_64_bytes(key: Any) -> None:
    cache = Cache(Clock())
    calls: list[Callable[[], object]] = [
        lambda: cache.get(key),
        lambda: cache.set(key, 1),
        lambda: cache.delete(key),
    ]
    for call in calls:
        with pytest.raises(WrongUseError, match=r"api\.cache\.\w+: key: expected a printable string of 1 to 64 bytes"):
            call()


def test_a_value_is_at_most_4096_bytes_of_json() -> None:
    cache = Cache(Clock())
    cache.set("k", "x" * (MAX_VALUE_BYTES - 2))
    with pytest.raises(WrongUseError, match=r"value: expected at most 4096 bytes of JSON, found 4097"):
        cache.set("k", "x" * (MAX_VALUE_BYTES - 1))


def test_a_value_must_be_json() -> None:
    with pytest.raises(WrongUseError, match=r"api\.cache\.set: value\.at: set is not JSON"):
        Cache(Clock()).set("k", {"at": set()})


@pytest.mark.parametrize("option", ["ttl", "expires_at"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "60"])
def test_times_are_whole_milliseconds(option: str, value: Any) -> None:
    with pytest.raises(WrongUseError, match=rf"api\.cache\.set: {option}: expected milliseconds"):
        Cache(Clock()).set("k", 1, **{option: value})
