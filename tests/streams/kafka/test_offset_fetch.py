"""A coordinator that is not ready must not be read as "nothing was ever committed"."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.protocol.commit import OffsetFetchResponse_v3
from aiokafka.protocol.group import HeartbeatResponse_v1

from deploy.dev.servers import Kafka
from tests.running import Stage, stage
from worker.streams.kafka.offset_fetch import mind_answers, settled_offset, shows_commits_at_once

LOADING, NOT_COORDINATOR, UNKNOWN_MEMBER = 14, 16, 25


class Answers:
    """Gives some answers of its own before it lets the coordinator speak."""

    def __init__(self, consumer: AIOKafkaConsumer, *first: Any) -> None:
        self._send = consumer._coordinator._send_req
        self._first = list(first)
        consumer._coordinator._send_req = self

    async def __call__(self, request: Any) -> Any:
        return self._first.pop(0) if self._first else await self._send(request)


@pytest.fixture
async def on(kafka: Kafka) -> AsyncIterator[Stage]:
    """A group that has committed one record."""
    async with stage(kafka) as opened:
        await opened.send({})
        async with opened.worker():
            await opened.until_processed(1)
        yield opened


@pytest.fixture
async def consumer(on: Stage) -> AsyncIterator[AIOKafkaConsumer]:
    opened = AIOKafkaConsumer(
        bootstrap_servers=on.settings.kafka.bootstrap_servers, group_id=on.name, enable_auto_commit=False
    )
    await opened.start()
    yield opened
    await opened.stop()


@pytest.mark.parametrize("code", [LOADING, NOT_COORDINATOR])
async def test_an_offset_is_asked_again_until_the_coordinator_knows(
    on: Stage, consumer: AIOKafkaConsumer, code: int
) -> None:
    partition = TopicPartition(on.settings.topics.triggers, 0)
    not_ready = OffsetFetchResponse_v3(0, [], code)
    Answers(consumer, not_ready)
    assert await consumer.committed(partition) is None  # what aiokafka makes of it
    Answers(consumer, not_ready, not_ready)
    mind_answers(consumer, pytest.fail)
    assert await consumer.committed(partition) == 1


async def test_a_lost_membership_is_told(consumer: AIOKafkaConsumer) -> None:
    told: list[str] = []
    Answers(consumer, HeartbeatResponse_v1(0, UNKNOWN_MEMBER), HeartbeatResponse_v1(0, 0))
    mind_answers(consumer, lambda: told.append("lost"))
    await consumer._coordinator._send_req(None)
    await consumer._coordinator._send_req(None)
    assert told == ["lost"]


async def test_a_broker_from_4_0_on_shows_a_commit_at_once(consumer: AIOKafkaConsumer) -> None:
    assert await shows_commits_at_once(consumer)
    for connection in consumer._client._conns.values():
        connection._versions = {**connection._versions, 1: (0, 17)}
    assert not await shows_commits_at_once(consumer)


@pytest.mark.parametrize(("reads", "expected"), [([5, 5], 5), ([5, 7, 7], 7), ([None, 5, 5], 5), ([None, None], None)])
async def test_an_older_broker_is_asked_until_two_answers_agree(reads: list[int | None], expected: int | None) -> None:
    answers, slept = iter(reads), []

    async def read() -> int | None:
        return next(answers)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    assert await settled_offset(read, sleep) == expected
    assert slept == [0.5] * (len(reads) - 1)
