from __future__ import annotations

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.dev.servers import Kafka, free_port
from tests.topic_records import make_topic
from worker.streams.kafka.cluster import ClusterError, Connection, administered, reach
from worker.streams.kafka.topics import TopicFacts, describe, facts


@pytest.fixture
def connection(kafka: Kafka) -> Connection:
    return Connection(kafka.bootstrap_servers, "a test")


def connection_to(servers: str) -> Connection:
    return Connection(servers, "a test")


async def existing(admin: AIOKafkaAdminClient) -> set[str]:
    return set(await admin.list_topics())


def test_facts_are_the_partitions_and_the_largest_record(connection: Connection) -> None:
    small = make_topic(connection.bootstrap_servers, "facts.small", partitions=1, max_message_bytes="5000")
    usual = make_topic(connection.bootstrap_servers, "facts.usual", partitions=4)

    found = asyncio.run(facts(connection, {"topics.triggers": usual, "topics.exposures": small}))
    assert found == {small: TopicFacts(1, 5000), usual: TopicFacts(4, 1_048_588)}


def test_every_unknown_topic_is_named_with_its_setting(connection: Connection) -> None:
    known = make_topic(connection.bootstrap_servers, "facts.known")
    names = {"topics.triggers": known, "topics.exposures": "facts.no", "topics.dead_letters": "facts.neither"}

    with pytest.raises(ClusterError) as caught:
        asyncio.run(facts(connection, names))
    assert str(caught.value).splitlines() == [
        "topics.exposures = facts.no: no such topic",
        "topics.dead_letters = facts.neither: no such topic",
        "expected all of them on the cluster: experiment-worker topics create",
    ]


async def test_asking_for_a_topic_does_not_make_it(connection: Connection) -> None:
    assert await describe(connection, ["asked.for.only"]) == {}

    async with administered(connection) as admin:
        assert "asked.for.only" not in await existing(admin)


async def test_a_broker_that_answers_is_reached(connection: Connection) -> None:
    await reach(connection)
    await reach(connection_to(f"127.0.0.1:{free_port()},{connection.bootstrap_servers}"))


async def test_a_port_that_nobody_listens_on_is_one_message() -> None:
    servers = f"127.0.0.1:{free_port()}"

    with pytest.raises(ClusterError) as caught:
        await reach(connection_to(servers))
    assert str(caught.value) == (
        f"kafka.bootstrap_servers = {servers}: nobody answers (connection refused), expected a Kafka broker there"
    )


async def test_a_server_that_is_no_broker_is_one_message() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ClusterError, match="the broker ends the connection, expected its listener's protocol"):
            await reach(connection_to(f"127.0.0.1:{port}"))


@pytest.mark.parametrize("servers", ["127.0.0.1:", ":9092", "127.0.0.1:kafka", "a:1,b:70000", "a:1,,b:2"])
async def test_what_is_no_address_is_said_before_anybody_is_asked(servers: str) -> None:
    with pytest.raises(ClusterError, match="is no address, expected host:port"):
        await reach(connection_to(servers))
