"""Which rights on the cluster the commands need; docs/connecting.md lists the same."""

from __future__ import annotations

from collections.abc import Iterable

from aiokafka import TopicPartition

from worker.app.kafka_access import deliverers_group
from worker.outputs import OUTPUT_KINDS
from worker.settings import Settings
from worker.streams.kafka.producers import lane_id
from worker.streams.kafka.rights import Operation, Right


def worker_rights(settings: Settings) -> list[Right]:
    """Return what `run` needs."""
    group = settings.kafka.group_id
    return [
        *_on(settings, ("triggers", "assignments", "erasures"), "Read"),
        *_on(settings, (*OUTPUT_KINDS, "dead_letters"), "Write"),
        *_on(settings, ("triggers", *OUTPUT_KINDS, "erasures", "dead_letters"), "DescribeConfigs"),
        Right("group", group, "Read"),
        Right("transactional id", f"{group}.", "Write", lane_id(group, TopicPartition(settings.topics.triggers, 0))),
    ]


def deliverer_rights(settings: Settings) -> list[Right]:
    """Return what `deliver` needs."""
    group = deliverers_group(settings)
    return [
        *_on(settings, ("enrollments", "retries", "endpoints"), "Read"),
        *_on(settings, ("retries", "endpoints", "enrollments_dead_letters"), "Write"),
        *_on(settings, ("enrollments", "retries", "endpoints", "enrollments_dead_letters"), "DescribeConfigs"),
        Right("group", group, "Read"),
        Right("transactional id", f"{group}.", "Write", lane_id(group, TopicPartition(settings.topics.enrollments, 0))),
    ]


def user_of(settings: Settings) -> str:
    """Return the setting that says who the worker is to the brokers, for messages."""
    kafka = settings.kafka
    if kafka.sasl_username is not None:
        return f"kafka.sasl_username = {kafka.sasl_username}"
    if kafka.sasl_client_id is not None:
        return f"kafka.sasl_client_id = {kafka.sasl_client_id}"
    if kafka.ssl_cert_file is not None:
        return f"kafka.ssl_cert_file = {kafka.ssl_cert_file}"
    return f"kafka.security_protocol = {kafka.security_protocol}"


def _on(settings: Settings, kinds: Iterable[str], operation: Operation) -> list[Right]:
    names = [getattr(settings.topics, kind) for kind in kinds]
    return [Right("topic", name, operation) for name in names if name]
