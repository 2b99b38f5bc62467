"""A transaction that comes to nothing: shows that one can be begun and ended, and what the broker's clock says.

A partition is added to it and nothing is written; aborting leaves a marker there, which no reader sees. The coordinator
notes when a transaction began, which is the only time of its own that a broker tells without a record.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import IncompatibleBrokerVersion, for_code
from aiokafka.protocol.coordination import FindCoordinatorRequest

from worker.streams.kafka.producers import Producers
from worker.streams.kafka.requests import DescribeTransactionsRequest

_TRANSACTIONS = 1  # the kind of coordinator
_SECONDS = 20.0
_LOOK_AGAIN_SECONDS = 0.01


class Rehearsed(msgspec.Struct, frozen=True):
    """By how many seconds the broker's clock is ahead of ours, None: it does not tell; and how much that may be off."""

    ahead_s: float | None
    give_or_take_s: float


async def rehearse(producers: Producers, transactional_id: str, topic: str) -> Rehearsed:
    """Begin a transaction, and abort it.

    Raises:
        KafkaError: it could not be begun or ended; TimeoutError: not in time.
    """
    producer = await producers.open(transactional_id)
    try:
        async with asyncio.timeout(_SECONDS):
            await producer.begin_transaction()
            manager = producer._txn_manager  # noqa: SLF001 - a partition is added by what is written to it otherwise
            before = time.time()
            manager.maybe_add_partition_to_txn(TopicPartition(topic, 0))
            while manager.partitions_to_add():  # noqa: ASYNC110 - only looking tells
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            after = time.time()
            began = await _began(producer.client, transactional_id)
            await producer.abort_transaction()
    finally:
        producers.discard(producer)
    return Rehearsed(None if began is None else began - (before + after) / 2, (after - before) / 2)


async def _began(client: Any, transactional_id: str) -> float | None:
    """Return when the coordinator says that the transaction began (seconds since the epoch); None: it is too old."""
    found = await client.send(client.get_random_node(), FindCoordinatorRequest(transactional_id, _TRANSACTIONS))
    try:
        answer = await client.send(found.coordinator_id, DescribeTransactionsRequest(transactional_id))
    except IncompatibleBrokerVersion:
        return None
    [state] = answer.transaction_states
    if state[0]:
        error = for_code(state[0])
        raise error
    return float(state[4]) / 1000
