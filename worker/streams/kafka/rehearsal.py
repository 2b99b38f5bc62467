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
from aiokafka.errors import for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

from worker.streams.kafka.producers import Producers

_TRANSACTIONS = 1  # the kind of coordinator
_SECONDS = 20.0
_LOOK_AGAIN_SECONDS = 0.01


class Rehearsed(msgspec.Struct, frozen=True):
    """By how many seconds the broker's clock is ahead of ours, and how much that may be off."""

    ahead_s: float
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
    return Rehearsed(began - (before + after) / 2, (after - before) / 2)


async def _began(client: Any, transactional_id: str) -> float:
    """Return when the coordinator says that the transaction began (seconds since the epoch)."""
    found = await client.send(client.get_random_node(), FindCoordinatorRequest(transactional_id, _TRANSACTIONS))
    answer = await client.send(found.coordinator_id, _DescribeTransactionsRequest(transactional_id))
    [state] = answer.transaction_states
    if state[0]:
        error = for_code(state[0])
        raise error
    return float(state[4]) / 1000


class _DescribeTransactionsResponse(Response):  # type: ignore[misc] # aiokafka has no types
    API_KEY = 65
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "transaction_states",
            CompactArray(
                ("error_code", Int16),
                ("transactional_id", CompactString("utf-8")),
                ("transaction_state", CompactString("utf-8")),
                ("transaction_timeout_ms", Int32),
                ("transaction_start_time_ms", Int64),
                ("producer_id", Int64),
                ("producer_epoch", Int16),
                (
                    "topics",
                    CompactArray(
                        ("topic", CompactString("utf-8")), ("partitions", CompactArray(Int32)), ("tags", TaggedFields)
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _DescribeTransactionsRequestV0(RequestStruct):  # type: ignore[misc] # aiokafka has no types
    FLEXIBLE_VERSION = True
    API_KEY = 65
    API_VERSION = 0
    RESPONSE_TYPE = _DescribeTransactionsResponse
    SCHEMA = Schema(("transactional_ids", CompactArray(CompactString("utf-8"))), ("tags", TaggedFields))


class _DescribeTransactionsRequest(Request[_DescribeTransactionsRequestV0]):  # type: ignore[misc] # aiokafka has no types
    """KIP-664, from Kafka 3.0 on."""

    API_KEY = 65

    def __init__(self, transactional_id: str) -> None:
        self._transactional_id = transactional_id

    def build(self, request_struct_class: type[_DescribeTransactionsRequestV0]) -> _DescribeTransactionsRequestV0:
        return request_struct_class([self._transactional_id], {})
