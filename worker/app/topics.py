"""The topics of the settings: what `topics check` and `topics create` compose."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from worker.app.kafka_access import connection_of
from worker.settings import Settings
from worker.streams.kafka.topic_needs import TOPIC_KINDS, Finding, TopicNeed, TopicState, compare, needs
from worker.streams.kafka.topics import Created, create, describe


class Checked(msgspec.Struct, frozen=True):
    """What the settings need, what of it the cluster has, and the differences."""

    needs: Sequence[TopicNeed]
    states: dict[str, TopicState]
    findings: Sequence[Finding]


async def check_topics(settings: Settings) -> Checked:
    """Compare the cluster with the settings.

    Raises:
        ClusterError: no broker answers, or it does not tell.
    """
    wanted = _needs(settings)
    states = await describe(connection_of(settings), [need.name for need in wanted])
    return Checked(wanted, states, compare(wanted, states))


async def create_topics(settings: Settings) -> Created:
    """Make what is missing.

    Raises:
        ClusterError: no broker answers, or it refuses to make one of them.
    """
    return await create(connection_of(settings), _needs(settings), settings.topics.replication_factor)


def _needs(settings: Settings) -> tuple[TopicNeed, ...]:
    topics = settings.topics
    return needs(
        {kind: getattr(topics, kind) for kind in TOPIC_KINDS},
        partitions=topics.partitions,
        partitioning=topics.partitioning,
        max_input_bytes=settings.input.max_bytes,
    )
