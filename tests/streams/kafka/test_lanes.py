"""Lanes on a real broker: what one worker does with its partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.protocol.commit import OffsetFetchResponse_v3

from deploy.dev.servers import Kafka
from tests.factories import post_login
from tests.running import Stage, stage
from worker import Handlers
from worker.app.run import WorkerFailedError
from worker.experiments.claims import Assignment, Claim, Proposal, Published
from worker.settings import DeadLetters, Redis
from worker.stores.memory import MemoryStore
from worker.stores.redis_errors import StoreRefusedError
from worker.streams.kafka import positions


def login(number: int, **members: Any) -> dict[str, Any]:
    return {**post_login(user={"user_id": f"auth0|{number}"}, **members), "id": f"evt_{number}"}


def logins(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [login(number) for number in range(first, first + count)]


async def sources(on: Stage, kind: str) -> list[str]:
    return [dict(record.headers)["source"].decode() for record in await on.received(kind)]


async def committed(on: Stage, partition: int = 0) -> int | None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=on.settings.kafka.bootstrap_servers, group_id=on.name, enable_auto_commit=False
    )
    await consumer.start()
    try:
        found: int | None = await consumer.committed(TopicPartition(on.settings.topics.triggers, partition))
        return found
    finally:
        await consumer.stop()


async def commit(on: Stage, offset: int) -> None:
    servers = on.settings.kafka.bootstrap_servers
    async with AIOKafkaConsumer(bootstrap_servers=servers, group_id=on.name, enable_auto_commit=False) as consumer:
        partition = TopicPartition(on.settings.topics.triggers, 0)
        consumer.assign([partition])
        await consumer.commit({partition: offset})


async def test_outputs_go_to_the_partition_of_their_input_in_its_order(kafka: Kafka) -> None:
    async with stage(kafka, partitions=2) as on:
        for partition in (0, 1):
            await on.send(*logins(20, first=100 * partition), partition=partition)
        async with on.worker():
            await on.until_processed(40)
        topic = on.settings.topics.triggers
        assert await sources(on, "enriched") == [f"{topic}/{part}/{offset}" for part in (0, 1) for offset in range(20)]
        assert [record.partition for record in await on.received("exposures")] == [0] * 20 + [1] * 20


async def test_a_worker_goes_on_where_the_last_one_stopped(kafka: Kafka) -> None:
    async with stage(kafka) as on:
        await on.send(*logins(5))
        async with on.worker():
            await on.until_processed(5)
        await on.send(*logins(5, first=5))
        async with on.worker():
            await on.until_processed(10)
        ids = [orjson.loads(record.value)["event_id"] for record in await on.received("exposures")]
        assert ids == [f"evt_{number}" for number in range(10)]
        assert await committed(on) == 10


async def test_bad_input_and_failed_handlers_are_dead_letters_with_their_bytes(kafka: Kafka) -> None:
    handlers = Handlers()

    @handlers.post_login
    def fail(event: Any, _api: Any) -> None:
        raise ValueError(event.user.user_id)

    async with stage(kafka) as on:
        await on.send(b"{", key=b"k", headers=[("traceparent", b"00-1")])
        await on.send(login(1))
        async with on.worker(handlers):
            await on.until_processed(2)
        bad, failed = await on.received("dead_letters")
        headers = dict(bad.headers)
        assert (bad.key, bad.value, headers["traceparent"]) == (b"k", b"{", b"00-1")
        assert headers["error.reason"] == b"not_json"
        assert headers["error.source"].decode() == f"{on.settings.topics.triggers}/0/0"
        assert dict(failed.headers)["error.reason"] == b"handler_failed"
        assert orjson.loads(failed.value) == login(1)
        assert await on.received("enriched") == []
        assert len(await on.received("exposures")) == 1


async def test_headers_and_keys_name_no_one(kafka: Kafka) -> None:
    async with stage(kafka) as on:
        await on.send(login(1), headers=[("traceparent", b"00-1"), ("tracestate", b"a=b"), ("secret", b"x")])
        async with on.worker():
            await on.until_processed(1)
        (record,) = await on.received("enriched")
        headers = dict(record.headers)
        assert set(headers) == {
            "source", "content-type", "ce_id", "ce_source", "ce_type", "ce_time", "ce_specversion",
            "traceparent", "tracestate",
        }  # fmt: skip
        assert len(record.key) == 64
        (exposure,) = await on.received("exposures")
        assert record.key == orjson.loads(exposure.value)["subject"].encode()
        assert dict(exposure.headers)["ce_id"].decode() == orjson.loads(exposure.value)["exposure_id"]


async def test_an_output_that_fits_no_topic_is_a_dead_letter_and_its_neighbours_are_untouched(kafka: Kafka) -> None:
    handlers = Handlers()

    @handlers.post_login
    def much(event: Any, api: Any) -> None:
        if event.user.user_id == "auth0|1":
            api.enroll("programme", {"text": "x" * (2 << 20)})

    async with stage(kafka) as on:
        await on.send(*logins(3))
        async with on.worker(handlers):
            await on.until_processed(3)
        (letter,) = await on.received("dead_letters")
        assert dict(letter.headers)["error.reason"] == b"output_too_large"
        assert orjson.loads(letter.value) == login(1)
        assert len(await sources(on, "enriched")) == 2
        assert len(await sources(on, "exposures")) == 3
        assert await on.received("enrollments") == []


class Refusing(MemoryStore):
    """A store that fails for one subject's events."""

    def __init__(self, error: Exception, event_id: str) -> None:
        super().__init__()
        self._error = error
        self._event_id = event_id

    async def claim(self, proposals: Sequence[Proposal]) -> list[Claim]:
        if any(proposal.trigger.id == self._event_id for proposal in proposals):
            raise self._error
        return await super().claim(proposals)


async def test_a_record_that_fails_again_and_again_becomes_a_dead_letter_alone(kafka: Kafka) -> None:
    async with stage(kafka, store=Refusing(RuntimeError("a fault of the worker"), "evt_7")) as on:
        await on.send(*logins(20))
        async with on.worker():
            await on.until_processed(20)
        (letter,) = await on.received("dead_letters")
        assert dict(letter.headers)["error.reason"] == b"crashed"
        assert orjson.loads(letter.value)["id"] == "evt_7"
        assert len(await sources(on, "enriched")) == 19
        assert await committed(on) == 20


async def test_a_store_that_refuses_stops_the_worker_with_its_message(kafka: Kafka) -> None:
    async with stage(kafka, store=Refusing(StoreRefusedError("redis.url: no"), "evt_1")) as on:
        await on.send(*logins(3))
        with pytest.raises(WorkerFailedError, match=r"redis\.url: no"):
            async with on.worker() as ending:
                await asyncio.wait_for(ending.wait(), 30)
        assert await on.received("enriched") == []
        assert await committed(on) == 0


async def test_a_handler_that_says_stop_stops_the_worker_and_commits_nothing_of_the_batch(kafka: Kafka) -> None:
    handlers = Handlers()

    @handlers.post_login(on_error="stop")
    def fail(_event: Any, _api: Any) -> None:
        raise ValueError

    async with stage(kafka) as on:
        await on.send(*logins(3))
        with pytest.raises(WorkerFailedError, match="fail"):
            async with on.worker(handlers) as ending:
                await asyncio.wait_for(ending.wait(), 30)
        assert await on.received("dead_letters") == []
        assert await committed(on) == 0


async def test_too_many_dead_letters_in_a_row_stop_the_worker_and_nothing_of_their_batch_is_committed(
    kafka: Kafka,
) -> None:
    async with stage(kafka, dead_letters=DeadLetters(max_consecutive=5), batch_max_records=4) as on:
        await on.send(*logins(5), *[b"{"] * 6, login(11))
        with pytest.raises(
            WorkerFailedError, match=r"6 inputs in a row .*not_json 6.*since .*/0/5.*max_consecutive = 5"
        ):
            async with on.worker() as ending:
                await asyncio.wait_for(ending.wait(), 30)
        sent = await on.received("dead_letters")
        assert [dict(each.headers)["error.source"].decode()[-4:] for each in sent] == ["/0/5", "/0/6", "/0/7"]
        assert await committed(on) == 8


async def test_too_large_a_part_of_dead_letters_stops_the_worker(kafka: Kafka) -> None:
    async with stage(kafka, dead_letters=DeadLetters(max_ratio=0.2), batch_max_records=100) as on:
        await on.send(*logins(850), *[b"{"] * 300)
        with pytest.raises(WorkerFailedError, match=r"of the last 1,000 inputs .*max_ratio = 0\.2"):
            async with on.worker() as ending:
                await asyncio.wait_for(ending.wait(), 30)
        sent = await on.received("dead_letters")
        assert await committed(on) == 850 + len(sent)
        assert 150 <= len(sent) <= 200


async def test_records_that_are_gone_stop_their_lane_only(kafka: Kafka) -> None:
    async with stage(kafka, partitions=2) as on:
        await on.send(*logins(3))
        async with on.worker():
            await on.until_processed(3)
        await on.send(*logins(5, first=3))
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
        await admin.start()
        gone = TopicPartition(on.settings.topics.triggers, 0)
        await admin.delete_records({gone: RecordsToDelete(before_offset=6)})
        await admin.close()
        await on.send(*logins(4, first=50), partition=1)
        async with on.worker():
            await on.until(lambda: (0, "stopped") in on.steps)
            await on.until_processed(7)
        assert await committed(on, 0) == 3
        assert await committed(on, 1) == 4


async def test_an_offset_past_the_topics_end_stops_its_lane(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positions, "_LEADER_PAUSE", 0.01)
    async with stage(kafka) as on:
        await on.send(*logins(3))
        await commit(on, 7)
        async with on.worker():
            await on.until(lambda: (0, "stopped") in on.steps)
        assert await committed(on) == 7


async def test_a_lane_waits_for_a_coordinator_that_loads(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage(kafka) as on:
        await on.send(*logins(5))
        async with on.worker():
            await on.until_processed(5)
        answer, loading = GroupCoordinator._send_req, [OffsetFetchResponse_v3(0, [], 14) for _ in range(3)]

        async def loading_at_first(coordinator: Any, request: Any) -> Any:
            response = await answer(coordinator, request)
            is_offsets = type(response).__name__.startswith("OffsetFetchResponse")
            return loading.pop() if is_offsets and loading else response

        monkeypatch.setattr(GroupCoordinator, "_send_req", loading_at_first)
        await on.send(*logins(5, first=5))
        async with on.worker():
            await on.until_processed(10)
        assert not loading
        assert len(await sources(on, "enriched")) == 10


@pytest.mark.parametrize(("start", "expected"), [("earliest", 6), ("latest", 3), ("2026-02-01T00:00:00Z", 4)])
async def test_a_new_group_begins_where_the_settings_say(kafka: Kafka, start: str, expected: int) -> None:
    async with stage(kafka, start=start) as on:
        january, february = 1_767_300_000_000, 1_772_000_000_000
        await on.send(*logins(2), timestamp_ms=january)
        await on.send(login(2), timestamp_ms=february)
        async with on.worker():
            await on.until(lambda: (0, "opened") in on.steps)
        await on.send(*logins(3, first=3))  # while no worker runs: where it began is not forgotten
        async with on.worker():
            await on.until_processed(expected)
        assert len(await on.received("enriched")) == expected


class Slow(MemoryStore):
    """A store that does not answer for one event until it is told to."""

    def __init__(self, event_id: str) -> None:
        super().__init__()
        self._event_id = event_id
        self.answer = asyncio.Event()

    async def claim(self, proposals: Sequence[Proposal]) -> list[Claim]:
        if any(proposal.trigger.id == self._event_id for proposal in proposals):
            await self.answer.wait()
        return await super().claim(proposals)


async def test_a_slow_partition_holds_back_no_other(kafka: Kafka) -> None:
    store = Slow("evt_0")
    async with stage(kafka, partitions=2, store=store) as on:
        await on.send(login(0))
        async with on.worker():
            await on.until(lambda: (0, "fetched") in on.steps)
            for first in range(100, 500, 100):
                await on.send(*logins(100, first=first), partition=1)
            await on.until_processed(400)
            assert {partition for partition, _ in on.done} == {1}
            store.answer.set()
            await on.until_processed(401)


async def test_a_worker_that_is_told_to_stop_leaves_what_it_has_not_begun(kafka: Kafka) -> None:
    async with stage(kafka, store=Slow("evt_0")) as on:
        await on.send(*logins(3))
        async with on.worker():
            await on.until(lambda: (0, "fetched") in on.steps)
        assert await on.received("enriched") == []
        assert await committed(on) == 0


async def test_transactional_input_leaves_no_lag(kafka: Kafka) -> None:
    async with stage(kafka) as on:
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, transactional_id=on.name + ".in")
        await producer.start()
        for number in range(3):
            async with producer.transaction():
                await producer.send_and_wait(on.settings.topics.triggers, orjson.dumps(login(number)), partition=0)
        await producer.stop()
        async with on.worker():
            await on.until_processed(3)
            await on.until(lambda: on.lags.get(0) == 0)


async def test_workers_share_the_partitions_and_take_over(kafka: Kafka) -> None:
    async with stage(kafka, partitions=4) as on:
        for partition in range(4):
            await on.send(*logins(25, first=100 * partition), partition=partition)
        async with on.worker():
            async with on.worker():
                await on.until_processed(100)
            for partition in range(4):
                await on.send(*logins(25, first=1000 + 100 * partition), partition=partition)
            await on.until_processed(200)
        found = await sources(on, "enriched")
        assert (len(found), len(set(found))) == (200, 200)


class Recording(MemoryStore):
    """A store that notes what is confirmed."""

    def __init__(self) -> None:
        super().__init__()
        self.confirmed: list[Published] = []

    def confirm(self, published: Sequence[Published]) -> None:
        self.confirmed += published
        super().confirm(published)


async def test_what_was_committed_is_confirmed_once_and_published_by_its_key(kafka: Kafka) -> None:
    store = Recording()
    async with stage(kafka, partitions=3, store=store) as on:
        await on.send(*logins(10), *logins(10))
        async with on.worker():
            await on.until_processed(20)
            await on.until(lambda: len(store.confirmed) == 10)
        published = await on.received("assignments")
        assert len(store.confirmed) == len(published) == 10
        assert len({record.partition for record in published}) > 1
        assert {record.key.decode().split("|")[2] for record in published} == {
            entry.subject.hex for entry in store.confirmed
        }


async def test_a_commit_that_only_seemed_to_happen_confirms_nothing(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, commit = Recording(), AIOKafkaProducer.commit_transaction
    seemed: list[str] = []

    async def seem_once(producer: AIOKafkaProducer) -> None:
        if "opened" in [step for _, step in on.steps] and not seemed:
            seemed.append("committed")
            await producer.abort_transaction()
        elif len(seemed) == 1:
            seemed.append("failed")
            raise OSError
        else:
            await commit(producer)

    async with stage(kafka, store=store, batch_max_records=5) as on:
        await on.send(*logins(10))
        monkeypatch.setattr(AIOKafkaProducer, "commit_transaction", seem_once)
        async with on.worker():
            await on.until(lambda: len(store.confirmed) == 10)
        assert len(await on.received("assignments")) == 10
        assert len(await sources(on, "enriched")) == 10


async def test_an_event_of_a_binary_cloudevent_keeps_its_trigger_beside_it(kafka: Kafka) -> None:
    attributes = {"ce_specversion": "1.0", "ce_type": "auth0.trigger.post_login", "ce_source": "urn:a", "ce_id": "1"}
    async with stage(kafka) as on:
        headers = [(name, value.encode()) for name, value in attributes.items()]
        await on.send(login(1)["event"], headers=headers)
        async with on.worker():
            await on.until_processed(1)
        (record,) = await on.received("enriched")
        assert orjson.loads(record.value)["experiment"]["experiment_id"] == "exp_a"
        assert dict(record.headers)["ce_trigger"] == b"post_login"


class Changing(MemoryStore):
    """Answers otherwise when it is asked for the second time, as one does that was rebuilt in between."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def claim(self, proposals: Sequence[Proposal]) -> list[Claim]:
        self.asked += 1
        if self.asked == 2:
            for proposal in proposals:
                other = Assignment("var_control", 1, "another", None, "evt_of_another_worker", None)
                for subject in proposal.subjects:
                    self.put(proposal.trigger.tenant, proposal.experiment.id, subject, other)
        return await super().claim(proposals)


async def test_a_batch_whose_claims_grew_old_is_decided_anew_if_the_store_answers_otherwise(kafka: Kafka) -> None:
    handlers, store = Handlers(), Changing()

    @handlers.post_login
    async def slow(_event: Any, _api: Any) -> None:
        await asyncio.sleep(0.12)  # longer than a claim may wait

    async with stage(kafka, store=store) as on:
        on.settings = on.settings.model_copy(update={"redis": Redis(claim_max_age_ms=100)})
        await on.send(login(1))
        async with on.worker(handlers):
            await on.until_processed(1)
        (exposure,) = [orjson.loads(record.value) for record in await on.received("exposures")]
        assert (exposure["variation_id"], exposure["is_first"]) == ("var_control", False)
        assert store.asked >= 3
