from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deploy.dev.servers import Kafka
from tests.topic_records import make_topic
from worker.cli.main import app
from worker.streams.kafka.topic_needs import TOPIC_KINDS


@pytest.fixture(autouse=True)
def brokers(kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKER_KAFKA__BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    return kafka.bootstrap_servers


@pytest.fixture
def names(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Topics of this test's own."""
    names: dict[str, str] = {kind: f"{request.node.name[:60]}.{kind}" for kind in TOPIC_KINDS}
    for kind, name in names.items():
        monkeypatch.setenv(f"WORKER_TOPICS__{kind.upper()}", name)
    monkeypatch.setenv("WORKER_TOPICS__PARTITIONS", "3")
    return names


def topics(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["topics", *arguments])


def created(*arguments: str) -> dict[str, list[str]]:
    answer: dict[str, list[str]] = json.loads(topics("create", "--json", *arguments).stdout)
    return answer


def checked() -> tuple[int, dict[str, list[dict[str, object]]]]:
    result = topics("check", "--json")
    return result.exit_code, json.loads(result.stdout)


def test_topics_that_were_created_have_no_findings(names: dict[str, str]) -> None:
    assert created() == {"created": list(names.values()), "existing": []}

    code, answer = checked()
    assert (code, answer["findings"]) == (0, [])
    partitions = {row["setting"]: row["partitions"] for row in answer["topics"]}
    assert partitions.pop("topics.retries") == 12
    assert set(partitions.values()) == {3}
    policies = {row["setting"]: row["cleanup_policy"] for row in answer["topics"]}
    compacted = {policies.pop(f"topics.{kind}") for kind in ("assignments", "erasures", "redriven", "endpoints")}
    assert compacted == {"compact"}
    assert set(policies.values()) == {"delete"}


def test_missing_topics_are_errors(names: dict[str, str]) -> None:
    result = topics("check")

    assert result.exit_code == 1
    for kind, name in names.items():
        expected = f"error: {name}: no such topic, expected the one of topics.{kind}: experiment-worker topics create"
        assert expected in result.stdout


def test_a_second_create_makes_nothing_and_changes_nothing(names: dict[str, str]) -> None:
    topics("create")
    before = checked()

    result = topics("create")
    assert (result.exit_code, result.stdout) == (0, "".join(f"stands  {name}\n" for name in names.values()))
    assert checked() == before


def test_outputs_get_as_many_partitions_as_the_triggers_topic_that_stands(brokers: str, names: dict[str, str]) -> None:
    make_topic(brokers, names["triggers"], partitions=5)

    assert created()["existing"] == [names["triggers"]]
    partitions = {row["setting"]: row["partitions"] for row in checked()[1]["topics"]}
    assert {partitions.pop(f"topics.{kind}") for kind in ("assignments", "erasures", "redriven", "endpoints")} == {3}
    assert partitions.pop("topics.retries") == 20
    assert set(partitions.values()) == {5}


def test_an_input_of_the_largest_size_fits_where_inputs_go(
    names: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert names
    monkeypatch.setenv("WORKER_INPUT__MAX_BYTES", str(4 << 20))
    topics("create")

    largest = {row["setting"]: row["max_message_bytes"] for row in checked()[1]["topics"]}
    assert largest["topics.enriched"] == largest["topics.dead_letters"] == (4 << 20) + (64 << 10)
    assert largest["topics.exposures"] == 1_048_588


def test_warnings_alone_exit_0(brokers: str, names: dict[str, str]) -> None:
    make_topic(brokers, names["exposures"], partitions=2)
    topics("create")

    result = topics("check")
    assert result.exit_code == 0
    assert f"warning: {names['exposures']}: has 2 partitions, expected as many as the triggers" in result.stdout


def test_assignments_that_are_not_compacted_are_an_error(brokers: str, names: dict[str, str]) -> None:
    make_topic(brokers, names["assignments"])
    topics("create")

    result = topics("check")
    assert result.exit_code == 1
    assert f"error: {names['assignments']}: cleanup.policy is delete, expected compact" in result.stdout


def test_an_output_that_is_not_written_needs_no_topic(names: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_TOPICS__ENRICHED", "")

    assert created()["created"] == [name for kind, name in names.items() if kind != "enriched"]


def test_what_the_broker_refuses_to_make_is_said(names: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_TOPICS__REPLICATION_FACTOR", "3")

    result = topics("create")
    assert result.exit_code == 2
    assert f"{names['triggers']}: can't be created: Unable to replicate the partition 3 time(s)" in result.stderr


@pytest.mark.parametrize("command", ["check", "create"])
@pytest.mark.parametrize(
    ("servers", "message"),
    [
        ("127.0.0.1:1", "kafka.bootstrap_servers = 127.0.0.1:1: nobody answers"),
        ("127.0.0.1:port", "kafka.bootstrap_servers = 127.0.0.1:port: '127.0.0.1:port' is no address"),
    ],
)
def test_brokers_that_can_not_be_reached_exit_2(
    command: str, servers: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKER_KAFKA__BOOTSTRAP_SERVERS", servers)
    result = topics(command)

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"error: {message}" in result.stderr
