from __future__ import annotations

from typing import Any

import pytest

from worker.streams.kafka.topic_needs import (
    HEADROOM,
    TOPIC_KINDS,
    Finding,
    TopicKind,
    TopicNeed,
    TopicState,
    compare,
    needs,
    new_partitions,
)

COMPACTED = ("assignments", "erasures", "redriven", "endpoints")
NAMES: dict[TopicKind, str] = {kind: f"t.{kind}" for kind in TOPIC_KINDS}


def wanted(names: dict[TopicKind, str] | None = None, **overrides: Any) -> tuple[TopicNeed, ...]:
    given: dict[str, Any] = {"partitions": 8, "partitioning": "input", "max_input_bytes": 1000} | overrides
    return needs(NAMES if names is None else names, **given)


def state(**overrides: Any) -> TopicState:
    fields = {"partitions": 8, "replicas": 3, "cleanup": frozenset({"delete"}), "max_message_bytes": 2_000_000}
    fields |= {"retention_ms": -1, "min_insync_replicas": 2}
    return TopicState(**{**fields, **overrides})


def states(**overrides: dict[str, Any]) -> dict[str, TopicState]:
    compacted: dict[str, dict[str, Any]] = {kind: {"cleanup": frozenset({"compact"})} for kind in COMPACTED}
    compacted["retries"] = {"partitions": 32}
    return {NAMES[kind]: state(**{**compacted.get(kind, {}), **overrides.get(kind, {})}) for kind in TOPIC_KINDS}


def findings(**overrides: dict[str, Any]) -> list[Finding]:
    return compare(wanted(), states(**overrides))


def test_topics_as_they_should_be_have_no_findings() -> None:
    assert findings() == []


def test_a_missing_topic_is_an_error_that_names_its_setting_and_the_way_out() -> None:
    found = compare(wanted(), {name: each for name, each in states().items() if name != "t.exposures"})

    message = "no such topic, expected the one of topics.exposures: experiment-worker topics create"
    assert found == [Finding("t.exposures", "error", message)]


@pytest.mark.parametrize(
    ("kind", "differing", "severity", "message"),
    [
        ("assignments", {"cleanup": frozenset({"delete"})}, "error", "cleanup.policy is delete, expected compact:"),
        (
            "assignments",
            {"cleanup": frozenset({"compact", "delete"})},
            "warning",
            "cleanup.policy is compact,delete, expected compact alone",
        ),
        ("exposures", {"cleanup": frozenset({"compact"})}, "error", "cleanup.policy is compact, expected delete"),
        ("triggers", {"retention_ms": 60_000}, "warning", "retention.ms is 60000, expected a day (86400000) or more"),
        ("commands", {"replicas": 1}, "error", "min.insync.replicas is 2, expected at most its replicas (1)"),
        ("commands", {"partitions": 4}, "warning", "has 4 partitions, expected as many as the triggers topic (8)"),
        ("enriched", {"max_message_bytes": 1000}, "warning", f"max.message.bytes is 1000, expected {1000 + HEADROOM}"),
    ],
)
def test_what_differs_is_found(kind: str, differing: dict[str, Any], severity: str, message: str) -> None:
    [found] = findings(**{kind: differing})

    assert (found.topic, found.severity) == (f"t.{kind}", severity)
    assert found.message.startswith(message)


def test_dead_letters_must_hold_whatever_the_triggers_topic_takes() -> None:
    [found] = findings(triggers={"max_message_bytes": 5_000_000})

    assert (found.topic, found.severity) == ("t.dead_letters", "warning")
    assert "expected 5000000 or more: so that whatever the triggers topic takes fits" in found.message


def test_assignments_may_have_any_number_of_partitions() -> None:
    assert findings(assignments={"partitions": 50, "cleanup": frozenset({"compact"})}) == []


def test_with_partitioning_by_key_outputs_may_have_any_number_of_partitions() -> None:
    assert compare(wanted(partitioning="key"), states(exposures={"partitions": 3})) == []


def test_an_output_without_a_name_needs_nothing() -> None:
    found = wanted({**NAMES, "enriched": "", "commands": ""})

    assert {need.setting for need in found}.isdisjoint({"topics.enriched", "topics.commands"})
    assert len(found) == len(TOPIC_KINDS) - 2


def test_retries_have_partitions_for_each_of_their_waits() -> None:
    (finding,) = findings(retries={"partitions": 10})
    assert (finding.severity, finding.message) == ("error", "has 10 partitions, expected a multiple of 4")
    all_ = wanted()
    retries = next(need for need in all_ if need.name == "t.retries")
    assert new_partitions(retries, all_, {}) == 32
    assert new_partitions(retries, all_, {"t.triggers": state(partitions=5)}) == 20


@pytest.mark.parametrize(
    ("existing", "expected"), [({}, 8), ({"t.triggers": state(partitions=5)}, 5)], ids=["new", "standing"]
)
def test_a_new_output_gets_as_many_partitions_as_the_triggers_topic(
    existing: dict[str, TopicState], expected: int
) -> None:
    all_ = wanted()
    enriched = next(need for need in all_ if need.name == "t.enriched")

    assert new_partitions(enriched, all_, existing) == expected
