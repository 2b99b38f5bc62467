"""The topics of one run: fresh ones, so that an input's place is known before it is produced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.faults.seen import KINDS, Kind
from tests.faults.traffic import PARTITIONS


class Layout(msgspec.Struct, frozen=True):
    """The names that begin with a run's name."""

    run: str

    @property
    def triggers(self) -> str:
        """Return the input topic."""
        return f"{self.run}.triggers"

    @property
    def erasures(self) -> str:
        """Return the topic of who was erased."""
        return f"{self.run}.erasures"

    @property
    def redriven(self) -> str:
        """Return the topic of what was sent back."""
        return f"{self.run}.redriven"

    @property
    def group(self) -> str:
        """Return the consumer group."""
        return f"{self.run}.group"

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Return the kind of each output topic."""
        return {f"{self.run}.{kind}": kind for kind in KINDS}

    @property
    def inputs(self) -> Sequence[TopicPartition]:
        """Return the input partitions."""
        return [TopicPartition(self.triggers, number) for number in range(PARTITIONS)]

    @property
    def outputs(self) -> Sequence[TopicPartition]:
        """Return the partitions of all outputs."""
        return [TopicPartition(topic, number) for topic in self.kinds for number in range(PARTITIONS)]

    def environment(self) -> dict[str, str]:
        """Return the settings that name the topics and the group."""
        named = {f"WORKER_TOPICS__{kind.upper()}": topic for topic, kind in self.kinds.items()}
        named |= {"WORKER_TOPICS__ERASURES": self.erasures, "WORKER_TOPICS__REDRIVEN": self.redriven}
        return {**named, "WORKER_TOPICS__TRIGGERS": self.triggers, "WORKER_KAFKA__GROUP_ID": self.group}

    async def create(self, bootstrap_servers: str) -> None:
        """Create the topics."""
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
        await admin.start()
        try:
            names = (self.triggers, self.erasures, self.redriven, *self.kinds)
            answer = await admin.create_topics([_topic(name) for name in names])
        finally:
            await admin.close()
        _raise_for(answer)

    async def limit_enriched(self, bootstrap_servers: str, max_bytes: int) -> None:
        """Let the broker refuse larger batches of enriched events from now on."""
        resource = ConfigResource(
            ConfigResourceType.TOPIC, f"{self.run}.enriched", {"max.message.bytes": str(max_bytes)}
        )
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
        await admin.start()
        try:
            await admin.alter_configs([resource])
        finally:
            await admin.close()


def _raise_for(answer: Any) -> None:
    failed = [entry for entry in answer.topic_errors if entry[1]]
    assert not failed, failed


def _topic(name: str) -> NewTopic:
    """Return a topic that keeps everything: the inputs' timestamps are old."""
    configs = {"retention.ms": "-1"}
    if name.endswith((".assignments", ".erasures", ".redriven")):
        configs["cleanup.policy"] = "compact"
    return NewTopic(name, PARTITIONS, 1, topic_configs=configs)
