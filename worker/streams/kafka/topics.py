"""The topics of a cluster: how they are, and making what is missing.

Metadata is asked for all topics at once: aiokafka's request by name would create each topic that is missing, with the
broker's defaults, wherever the broker allows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec
from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from worker.streams.kafka.cluster import ClusterError, Connection, administered, describe_error
from worker.streams.kafka.topic_needs import TopicNeed, TopicState, new_partitions

_CREATE = "experiment-worker topics create"
_APPEAR_SECONDS = 10.0
_LOOK_AGAIN_SECONDS = 0.05
_CONFIGS = ("cleanup.policy", "max.message.bytes", "retention.ms", "min.insync.replicas")


class TopicFacts(msgspec.Struct, frozen=True):
    """What a lane must know of a topic: how many partitions, and the largest record batch it takes, in bytes."""

    partitions: int
    max_message_bytes: int


class Created(msgspec.Struct, frozen=True):
    """What `create` came to: the topics it made, and those that stood already and are as they were."""

    made: tuple[str, ...]
    stood: tuple[str, ...]


async def describe(connection: Connection, names: Sequence[str]) -> dict[str, TopicState]:
    """Return those of the topics that exist, by name.

    Raises:
        ClusterError: no broker answers, or it does not tell.
    """
    async with administered(connection) as admin:
        return await _describe(admin, names)


async def facts(connection: Connection, names: Mapping[str, str]) -> dict[str, TopicFacts]:
    """Return what lanes must know, by topic; `names` maps the setting (`topics.triggers`) to the topic.

    Raises:
        ClusterError: no broker answers, or topics are missing: each is named with its setting and what to do.
    """
    states = await describe(connection, list(names.values()))
    missing = [f"{setting} = {name}: no such topic" for setting, name in names.items() if name not in states]
    if missing:
        raise ClusterError("\n".join([*missing, f"expected all of them on the cluster: {_CREATE}"]))
    return {name: TopicFacts(state.partitions, state.max_message_bytes) for name, state in states.items()}


async def create(connection: Connection, wanted: Sequence[TopicNeed], replication_factor: int) -> Created:
    """Make the topics that are missing and return when they are there; those that stand are never changed.

    Raises:
        ClusterError: no broker answers, or it refuses to make one of them (the others are made).
    """
    async with administered(connection) as admin:
        states = await _describe(admin, [need.name for need in wanted])
        missing = [need for need in wanted if need.name not in states]
        if missing:
            least = await _broker_message_bytes(admin)
            asked = [
                _new_topic(need, new_partitions(need, wanted, states), replication_factor, least) for need in missing
            ]
            await _create(admin, asked)
        return Created(tuple(need.name for need in missing), tuple(need.name for need in wanted if need.name in states))


async def _describe(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, TopicState]:
    found = {topic["topic"]: topic for topic in await admin.describe_topics() if topic["topic"] in names}
    for name, topic in found.items():
        _check_answer(name, topic["error_code"])
    configs = await _configs(admin, list(found))
    return {name: _state(topic["partitions"], configs[name]) for name, topic in found.items()}


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(_CONFIGS, "")) for name in names]
    [answer] = await admin.describe_configs(resources)
    for code, _, _, name, _ in answer.resources:
        _check_answer(name, code)
    return {name: {entry[0]: entry[1] for entry in entries} for _, _, _, name, entries in answer.resources}


def _check_answer(name: str, code: int) -> None:
    if code:
        error = errors.for_code(code)()
        raise ClusterError(f"{name}: the broker does not tell about this topic: {describe_error(error)}")


def _state(partitions: Sequence[Mapping[str, Any]], configs: Mapping[str, str]) -> TopicState:
    return TopicState(
        partitions=len(partitions),
        replicas=min((len(partition["replicas"]) for partition in partitions), default=0),
        cleanup=frozenset(configs["cleanup.policy"].split(",")),
        max_message_bytes=int(configs["max.message.bytes"]),
        retention_ms=int(configs["retention.ms"]),
        min_insync_replicas=int(configs["min.insync.replicas"]),
    )


def _new_topic(need: TopicNeed, partitions: int, replication_factor: int, least_message_bytes: int) -> NewTopic:
    configs = {"cleanup.policy": "compact" if need.compacted else "delete"}
    if need.min_message_bytes > least_message_bytes:
        configs["max.message.bytes"] = str(need.min_message_bytes)
    return NewTopic(need.name, partitions, replication_factor, topic_configs=configs)


async def _broker_message_bytes(admin: AIOKafkaAdminClient) -> int:
    """Return the largest record batch that the brokers' topics take where nothing else is said."""
    cluster = await admin.describe_cluster()
    resource = ConfigResource(ConfigResourceType.BROKER, str(cluster["controller_id"]), {"message.max.bytes": ""})
    [answer] = await admin.describe_configs([resource])
    [(code, _, _, name, entries)] = answer.resources
    _check_answer(f"broker {name}", code)
    return int(entries[0][1])


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[NewTopic]) -> None:
    answer = await admin.create_topics(list(topics))
    refused = [
        f"{name}: can't be created: {message or describe_error(errors.for_code(code)())}"
        for name, code, message in answer.topic_errors
        if code and errors.for_code(code) is not errors.TopicAlreadyExistsError
    ]
    if refused:
        raise ClusterError("\n".join(refused))
    async with asyncio.timeout(_APPEAR_SECONDS):
        while not await _all_led(admin, {topic.name for topic in topics}):  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def _all_led(admin: AIOKafkaAdminClient, names: AbstractSet[str]) -> bool:
    """Tell whether every partition has a leader: brokers hear of new topics a little later than the controller."""
    topics = [topic for topic in await admin.describe_topics() if topic["topic"] in names]
    leaders = [partition["leader"] for topic in topics for partition in topic["partitions"]]
    return len(topics) == len(names) and min(leaders, default=-1) >= 0
