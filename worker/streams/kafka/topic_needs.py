"""What the topics must be like, and how what the cluster has differs from it. No client: values in, findings out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, get_args

import msgspec

TopicKind = Literal[
    "triggers",
    "enriched",
    "exposures",
    "enrollments",
    "commands",
    "assignments",
    "erasures",
    "dead_letters",
    "redriven",
    "retries",
    "endpoints",
    "enrollments_dead_letters",
]
TOPIC_KINDS: tuple[TopicKind, ...] = get_args(TopicKind)
HEADROOM = 64 << 10
"""How many bytes the key, the headers and the context of a record may add to an input."""

_CREATE = "experiment-worker topics create"
_DAY_MS = 24 * 60 * 60 * 1000
_COMPACTED: frozenset[TopicKind] = frozenset({"assignments", "erasures", "redriven", "endpoints"})
RETRY_TIERS = 4
"""How many waits the retries have: each has as many partitions as the enrollments."""
_HOLDS_INPUTS: frozenset[TopicKind] = frozenset({"enriched", "dead_letters", "retries", "enrollments_dead_letters"})


class TopicNeed(msgspec.Struct, frozen=True):
    """A topic that must be there: the setting that names it and what it must be like.

    `partitions` None: as many as the triggers topic, so many `times`. A record of `min_message_bytes` must fit; 0:
    whatever the broker takes.
    """

    setting: str
    name: str
    partitions: int | None
    compacted: bool
    min_message_bytes: int
    times: int = 1


class TopicState(msgspec.Struct, frozen=True):
    """A topic as it is; `cleanup` is its cleanup policies, `retention_ms` -1 for ever."""

    partitions: int
    replicas: int
    cleanup: frozenset[str]
    max_message_bytes: int
    retention_ms: int
    min_insync_replicas: int


class Finding(msgspec.Struct, frozen=True):
    """A difference between what the cluster has and what the settings need; an error keeps the worker from working."""

    topic: str
    severity: Literal["error", "warning"]
    message: str


def needs(
    names: Mapping[TopicKind, str], *, partitions: int, partitioning: Literal["input", "key"], max_input_bytes: int
) -> tuple[TopicNeed, ...]:
    """Return what the settings need of each topic; one without a name is not written."""
    return tuple(
        TopicNeed(
            setting=f"topics.{kind}",
            name=names[kind],
            partitions=_partitions(kind, partitions, partitioning),
            compacted=kind in _COMPACTED,
            min_message_bytes=max_input_bytes + HEADROOM if kind in _HOLDS_INPUTS else 0,
            times=RETRY_TIERS if kind == "retries" else 1,
        )
        for kind in TOPIC_KINDS
        if names.get(kind)
    )


def _partitions(kind: TopicKind, partitions: int, partitioning: Literal["input", "key"]) -> int | None:
    if kind == "retries" or (partitioning == "input" and kind not in {"triggers", *_COMPACTED}):
        return None
    return partitions


def compare(wanted: Sequence[TopicNeed], states: Mapping[str, TopicState]) -> list[Finding]:
    """Return every difference, topic by topic."""
    return [finding for need in wanted for finding in _differences(need, wanted, states)]


def new_partitions(need: TopicNeed, wanted: Sequence[TopicNeed], states: Mapping[str, TopicState]) -> int:
    """Return how many partitions a new topic gets: as many as the triggers topic has, or will have."""
    if need.partitions is not None:
        return need.partitions
    triggers = _triggers(wanted, states)
    if triggers is not None:
        return triggers.partitions * need.times
    return next((each.partitions for each in wanted if each.partitions is not None), 1) * need.times


def _differences(need: TopicNeed, wanted: Sequence[TopicNeed], states: Mapping[str, TopicState]) -> Iterator[Finding]:
    state = states.get(need.name)
    if state is None:
        yield Finding(need.name, "error", f"no such topic, expected the one of {need.setting}: {_CREATE}")
        return
    yield from _cleanup(need, state)
    yield from _replication(need, state)
    yield from _partition_count(need, state, wanted, states)
    yield from _message_bytes(need, state, wanted, states)


def _cleanup(need: TopicNeed, state: TopicState) -> Iterator[Finding]:
    found = ",".join(sorted(state.cleanup))
    if need.compacted and "compact" not in state.cleanup:
        message = f"cleanup.policy is {found}, expected compact: what it says must stay"
        yield Finding(need.name, "error", message)
    elif need.compacted and "delete" in state.cleanup:
        message = f"cleanup.policy is {found}, expected compact alone: old records are deleted"
        yield Finding(need.name, "warning", message)
    elif not need.compacted and "compact" in state.cleanup:
        message = f"cleanup.policy is {found}, expected delete: compaction drops all but a key's last record"
        yield Finding(need.name, "error", message)
    elif not need.compacted and 0 <= state.retention_ms < _DAY_MS:
        message = f"retention.ms is {state.retention_ms}, expected a day ({_DAY_MS}) or more: what is not read is lost"
        yield Finding(need.name, "warning", message)


def _replication(need: TopicNeed, state: TopicState) -> Iterator[Finding]:
    least, replicas = state.min_insync_replicas, state.replicas
    if least > replicas:
        message = f"min.insync.replicas is {least}, expected at most its replicas ({replicas}): it can't be written"
        yield Finding(need.name, "error", message)


def _partition_count(
    need: TopicNeed, state: TopicState, wanted: Sequence[TopicNeed], states: Mapping[str, TopicState]
) -> Iterator[Finding]:
    triggers = _triggers(wanted, states)
    if need.times > 1:
        if state.partitions % need.times:
            message = f"has {state.partitions} partitions, expected a multiple of {need.times}"
            yield Finding(need.name, "error", message)
        return
    if need.partitions is None and triggers is not None and state.partitions != triggers.partitions:
        yield Finding(
            need.name,
            "warning",
            f"has {state.partitions} partitions, expected as many as the triggers topic ({triggers.partitions}):"
            " records go by key hash instead of to their input's partition",
        )


def _message_bytes(
    need: TopicNeed, state: TopicState, wanted: Sequence[TopicNeed], states: Mapping[str, TopicState]
) -> Iterator[Finding]:
    if not need.min_message_bytes:
        return
    expected, largest = need.min_message_bytes, "the largest input and its headers fit"
    triggers = _triggers(wanted, states)
    if need.setting == "topics.dead_letters" and triggers is not None and triggers.max_message_bytes > expected:
        expected, largest = triggers.max_message_bytes, "whatever the triggers topic takes fits"
    if state.max_message_bytes < expected:
        message = f"max.message.bytes is {state.max_message_bytes}, expected {expected} or more: so that {largest}"
        yield Finding(need.name, "warning", message)


def _triggers(wanted: Sequence[TopicNeed], states: Mapping[str, TopicState]) -> TopicState | None:
    names = (need.name for need in wanted if need.setting == "topics.triggers")
    return next((states[name] for name in names if name in states), None)
