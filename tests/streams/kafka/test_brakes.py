"""When too many dead letters stop a worker, and what it says then."""

from __future__ import annotations

import pytest

from worker.outputs import DeadLetter
from worker.records import DeadLetterReason, Record
from worker.streams.kafka.brakes import Batch, Brakes


def batch(offset: int, inputs: str, partition: int = 0, reason: DeadLetterReason = "not_json") -> Batch:
    """A batch of one letter per input: `x` is dead, anything else is fine."""
    sources = [f"in/{partition}/{offset + at}" for at in range(len(inputs))]
    dead = [source for source, each in zip(sources, inputs, strict=True) if each == "x"]
    letters = [DeadLetter(Record(b"", source), reason, "", "decode") for source in dead]
    return Batch(partition, offset, offset + len(inputs), sources, letters)


def tripped_by(brakes: Brakes, *batches: Batch) -> int | None:
    """Send batches until one trips; return which."""
    for at, each in enumerate(batches):
        if brakes.judge(each) is not None:
            return at
        brakes.committed(each)
    return None


@pytest.mark.parametrize(
    ("texts", "tripped"),
    [
        (["xxx"], 0),
        (["..xxx."], 0),
        ([".xx", "x"], 1),
        (["x", "x", "x"], 2),
        ([".xx", ".xx", ".x"], None),
        (["xx.x", "x.xx"], None),
        (["xx.x", "xx"], 1),
    ],
)
def test_so_many_in_a_row_trip_however_they_are_split_into_batches(texts: list[str], tripped: int | None) -> None:
    offsets = [sum(map(len, texts[:at])) for at in range(len(texts))]
    batches = [batch(offset, text) for offset, text in zip(offsets, texts, strict=True)]
    assert tripped_by(Brakes(max_consecutive=3), *batches) == tripped


def test_partitions_are_counted_apart() -> None:
    assert tripped_by(Brakes(max_consecutive=3), batch(0, "xx"), batch(0, "xx", 1), batch(2, ".", 1)) is None


def test_a_batch_that_was_not_committed_does_not_count() -> None:
    brakes = Brakes(max_consecutive=3)
    assert brakes.judge(batch(0, "xx")) is None
    assert brakes.judge(batch(0, "xx")) is None


def test_a_partition_that_another_worker_had_meanwhile_is_counted_anew() -> None:
    assert tripped_by(Brakes(max_consecutive=3), batch(0, "xx"), batch(7, "xx")) is None


def test_zero_and_one_turn_the_brakes_off() -> None:
    assert tripped_by(Brakes(max_consecutive=0, max_ratio=1.0), batch(0, "x" * 3000), batch(3000, "x" * 3000)) is None


def test_a_part_is_judged_once_a_thousand_inputs_were_seen() -> None:
    brakes = Brakes(max_ratio=0.5)
    assert tripped_by(brakes, batch(0, "x" * 600), batch(600, "." * 300 + "x" * 99), batch(999, "x")) == 2


def test_the_part_is_that_of_the_last_thousand_inputs_of_all_partitions() -> None:
    brakes = Brakes(max_ratio=0.5)
    fine = [batch(0, "." * 5000), batch(0, "x" * 500, 1)]
    assert tripped_by(brakes, *fine) is None
    assert brakes.judge(batch(500, "x", 2)) is not None
    brakes.committed(batch(5000, "." * 1000))
    assert brakes.judge(batch(500, "x", 2)) is None


def test_the_message_says_what_was_found_which_setting_and_what_to_do() -> None:
    brakes = Brakes(max_consecutive=4)
    brakes.committed(batch(7, ".xx"))
    message = brakes.judge(batch(10, "xx", reason="handler_failed")) or ""
    assert message.startswith("4 inputs in a row ended as dead letters (not_json 2, handler_failed 2) since in/0/8")
    assert "dead_letters.max_consecutive = 4" in message
    assert "Nothing is lost" in message
    assert message.endswith("start the worker again, or raise that setting")


def test_the_message_about_a_part_counts_reasons_within_it() -> None:
    brakes = Brakes(max_ratio=0.1)
    brakes.committed(batch(0, "." * 900 + "x" * 100))
    message = brakes.judge(batch(1000, "x" + "." * 9 + "x" * 20)) or ""
    assert message.startswith("121 of the last 1,000 inputs ended as dead letters (not_json 121) since in/0/900")
    assert "dead_letters.max_ratio = 0.1" in message
