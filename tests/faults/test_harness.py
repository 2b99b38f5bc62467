"""The parts of the harness that scenarios rely on do what they say."""

from __future__ import annotations

import os
import signal

import pytest
from aiokafka import TopicPartition

from tests.faults.waiting import until
from tests.faults.worker import Failpoint
from worker.streams.kafka.lane import Step

PARTITION = TopicPartition("in", 0)


async def test_waiting_for_what_does_not_come_says_for_what() -> None:
    with pytest.raises(TimeoutError, match="the moon"):
        await until(lambda: False, 0.01, "the moon")


async def test_waiting_ends_when_the_condition_holds() -> None:
    answers = iter([False, True])
    assert await until(lambda: next(answers), 5, "the second answer") < 5


def test_a_failpoint_sends_its_signal_once_at_the_nth_time() -> None:
    sent: list[tuple[int, signal.Signals]] = []
    failpoint = Failpoint("sent:2:SIGKILL", lambda pid, number: sent.append((pid, number)))
    steps: list[Step] = ["sent", "begun", "sent", "sent"]
    for at, step in enumerate(steps):
        assert len(sent) == (at > 2)
        failpoint.lane(PARTITION, step)
    assert sent == [(os.getpid(), signal.SIGKILL)]
