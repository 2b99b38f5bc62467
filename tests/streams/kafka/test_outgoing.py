"""What a batch sends, and where to."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any, Literal

import orjson
import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import post_login, record
from tests.pipelines import pipeline
from worker import Handlers
from worker.outputs import OUTPUT_KINDS, BatchResult
from worker.records import Oversize, Record
from worker.streams.kafka.outgoing import Destination, Entry, Outlets, Packer, Parcel

LARGE = 1 << 20


def acting() -> Handlers:
    handlers = Handlers()

    @handlers.post_login
    def act(event: Any, api: Any) -> None:
        api.enroll("programme", {"user_id": event.user.user_id})
        api.multifactor.enable("any")

    return handlers


def outlets(
    *other: Destination, partitioning: Literal["input", "key"] = "input", partitions: int = 4, max_bytes: int = LARGE
) -> Outlets:
    """Every topic with as many partitions as the input's, but for those given."""
    given = {destination.topic: destination for destination in other}
    topics = {name: given.get(name, Destination(name, partitions, max_bytes)) for name in (*OUTPUT_KINDS, "dead")}
    return Outlets({kind: topics[kind] for kind in OUTPUT_KINDS}, topics["dead"], partitions, partitioning)


def process(*values: Any, handlers: Handlers | None = None, **fields: Any) -> BatchResult:
    inputs = [record(value, source=f"in/2/{number}", **fields) for number, value in enumerate(values)]
    return asyncio.run(pipeline(handlers=handlers or acting()).process(inputs))


def pack(result: BatchResult, to: Outlets | None = None) -> Parcel:
    return Packer(to or outlets(), 2, lambda: "2026-01-01T00:00:00.000Z").pack(result)


def login(number: int, **members: Any) -> dict[str, Any]:
    return {**post_login(user={"user_id": f"auth0|{number}"}, **members), "id": f"evt_{number}"}


def topics(parcel: Parcel) -> dict[str, int]:
    found: dict[str, int] = {}
    for (topic, _), entries in parcel.items():
        found[topic] = found.get(topic, 0) + len(entries)
    return found


def letter(parcel: Parcel) -> tuple[Entry, dict[str, bytes]]:
    ((_, (entry,)),) = [(place, entries) for place, entries in parcel.items() if place[0] == "dead"]
    return entry, dict(entry[2])


def test_outputs_go_to_the_inputs_partition_where_the_counts_are_equal() -> None:
    parcel = pack(process(login(1), login(2)))
    assert {topic: place for topic, place in parcel if topic != "assignments"} == dict.fromkeys(
        ["enriched", "exposures", "enrollments", "commands"], 2
    )


@pytest.mark.parametrize("to", [outlets(partitioning="key"), outlets(Destination("enriched", 64, LARGE))])
def test_else_they_go_by_the_hash_of_their_key(to: Outlets) -> None:
    result = process(*[login(number) for number in range(30)])
    placed = {topic: {place for name, place in pack(result, to) if name == topic} for topic, _ in pack(result, to)}
    assert len(placed["enriched"]) > 2


def test_assignments_always_go_by_the_hash_of_their_key() -> None:
    result = process(*[login(number) for number in range(30)])
    assert {place for topic, place in pack(result) if topic == "assignments"} == {0, 1, 2, 3}


@given(st.binary(min_size=1, max_size=200))
def test_keys_are_hashed_as_kafkas_own_producers_do(key: bytes) -> None:
    everywhere = list(range(100))
    parcel = pack(process(b"{", key=key), outlets(partitioning="key", partitions=100))
    assert list(parcel) == [("dead", DefaultPartitioner()(key, everywhere, everywhere))]


def test_a_kind_without_a_topic_is_not_written() -> None:
    all_of_them = outlets()
    few = Outlets({"exposures": all_of_them.outputs["exposures"]}, all_of_them.dead_letters, 4, "input")
    assert topics(pack(process(login(1)), few)) == {"exposures": 1}


def test_a_dead_letter_is_the_input_with_what_is_wrong_with_it() -> None:
    result = process(b"[]", key=b"k", headers=(("a", b"1"), ("a", b"2")), timestamp=7)
    (key, value, listed), headers = letter(pack(result))
    assert (key, value, listed[:2]) == (b"k", b"[]", [("a", b"1"), ("a", b"2")])
    assert headers["error.reason"] == b"not_an_object"
    assert headers["error.stage"] == b"decode"
    assert headers["error.source"] == b"in/2/0"
    assert headers["error.time"] == b"2026-01-01T00:00:00.000Z"
    assert headers["error.timestamp"] == b"7"
    assert headers["error.message"]


@pytest.mark.parametrize("kind", ["enriched", "enrollments", "commands"])
def test_an_output_that_does_not_fit_makes_its_event_a_dead_letter(kind: str) -> None:
    result = process(login(1), login(2, client={"client_id": "x", "name": "n" * 3000}))
    size = max(len(output.value) for output in result.outputs[kind])  # type: ignore[index] # one of the kinds
    parcel = pack(result, outlets(Destination(kind, 4, size)))
    sources = {dict(headers)["source"] for _, _, headers in parcel.get(("enriched", 2), [])}
    assert topics(parcel)["exposures"] == 2
    assert topics(parcel).get("commands", 0) == topics(parcel).get("enrollments", 0) == len(sources) < 2
    assert topics(parcel)["dead"] == 2 - len(sources) == len(result.dead_letters)
    assert {each.reason for each in result.dead_letters} == {"output_too_large"}


def test_an_event_that_fails_twice_over_is_one_dead_letter() -> None:
    handlers = Handlers()

    @handlers.post_login
    def fail(_event: Any, _api: Any) -> None:
        raise ValueError

    parcel = pack(process(login(1), handlers=handlers), outlets(Destination("exposures", 4, 10)))
    assert topics(parcel) == {"assignments": 1, "dead": 1}
    assert letter(parcel)[1]["error.reason"] == b"handler_failed"


def test_a_record_too_large_for_the_dead_letters_is_described() -> None:
    value = b"[" + b" " * 5000 + b"]"
    (key, text, _), headers = letter(pack(process(value, key=b"k"), outlets(Destination("dead", 4, 1000))))
    expected = {"size": 5002, "sha256": hashlib.sha256(value).hexdigest(), "source": "in/2/0"}
    assert (key, orjson.loads(text or b"")) == (b"k", expected)
    assert headers["error.reason"] == b"output_too_large"


def test_a_key_or_headers_too_large_for_the_dead_letters_are_left_out() -> None:
    result = process(b"[]", key=b"k" * 2000, headers=(("h", b"x" * 2000),))
    (key, text, _), headers = letter(pack(result, outlets(Destination("dead", 4, 1000))))
    assert (key, orjson.loads(text or b"")["size"]) == (None, 2)
    assert "h" not in headers


def test_an_input_too_large_to_keep_is_described_as_it_was() -> None:
    found = Record(b"", "in/2/0", oversize=Oversize(1 << 30, "ab"))
    result = asyncio.run(pipeline().process([found]))
    (_, text, _), headers = letter(pack(result))
    assert orjson.loads(text or b"") == {"size": 1 << 30, "sha256": "ab", "source": "in/2/0"}
    assert headers["error.reason"] == b"too_large"


def test_headers_count_towards_the_size() -> None:
    result = process(login(1), headers=(("tracestate", b"x" * 9000),))
    parcel = pack(result, outlets(Destination("dead", 4, LARGE), max_bytes=9000))
    assert topics(parcel) == {"dead": 1}
