"""Lanes that open where processes died: what is tried alone, what is given up, what else waits meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from deploy.dev.servers import Kafka
from tests.factories import post_login
from tests.running import Stage, stage
from worker.app.run import WorkerFailedError
from worker.experiments.claims import Claim, Proposal
from worker.stores.memory import MemoryStore
from worker.stores.memory_trials import MemoryTrials
from worker.stores.redis_errors import StoreRefusedError
from worker.streams.kafka.trials import Gate


def logins(count: int, first: int = 0) -> list[dict[str, Any]]:
    numbers = range(first, first + count)
    return [{**post_login(user={"user_id": f"auth0|{each}"}), "id": f"evt_{each}"} for each in numbers]


async def die(on: Stage, times: int, *, partition: int = 0, on_trial: int = 0, until: int = 5) -> None:
    """Note what so many processes leave behind that die at the partition's begin, the last ones trying its record."""
    place = f"{on.name}/{on.settings.topics.triggers}/{partition}"
    for life in range(times):
        await on.trials.opened(place, 0, until)
        if life >= times - on_trial:
            await on.trials.trying(place, 0)


async def died(on: Stage, events: int, *, lives: int, on_trial: int) -> None:
    """Let a worker process events after so many processes died of the first one, the last ones trying it alone."""
    await begun(on)
    await on.send(*logins(events))
    await die(on, lives, on_trial=on_trial)
    async with on.worker():
        await on.until_processed(events)


def sizes(on: Stage) -> list[int]:
    return [len(done.timestamps) for _, done in on.done]


async def sources(on: Stage, kind: str) -> list[str]:
    found = await on.received(kind)
    return [dict(each.headers)["error.source" if kind == "dead_letters" else "source"].decode() for each in found]


async def begun(on: Stage) -> None:
    """Let the group begin: its first commit is none of a batch."""
    async with on.worker():
        await on.until(
            lambda: {partition for partition, step in on.steps if step == "opened"} == set(range(on.partitions))
        )
    on.steps.clear()


async def test_records_where_processes_died_are_tried_alone_and_the_rest_in_batches(kafka: Kafka) -> None:
    async with stage(kafka, batch_max_records=5) as on:
        await begun(on)
        await on.send(*logins(20))
        await die(on, 2)
        async with on.worker():
            await on.until_processed(20)
        assert sizes(on)[:5] == [1] * 5
        assert max(sizes(on)[5:]) == 5
        assert len(await sources(on, "enriched")) == 20
        assert await on.received("dead_letters") == []


async def test_no_more_is_tried_alone_than_was_there_when_the_lane_opened(kafka: Kafka) -> None:
    async with stage(kafka) as on:
        await begun(on)
        await on.send(*logins(2))
        await die(on, 2)
        async with on.worker():
            await on.until_processed(2)
            await on.send(*logins(50, first=2))
            await on.until_processed(52)
        assert sizes(on)[:2] == [1, 1]
        assert max(sizes(on)[2:]) > 1


async def test_a_record_of_which_processes_died_is_given_up_and_no_other(kafka: Kafka) -> None:
    async with stage(kafka) as on:
        await died(on, 20, lives=5, on_trial=3)
        (letter,) = await on.received("dead_letters")
        headers = dict(letter.headers)
        assert (headers["error.reason"], headers["error.source"].decode()[-2:]) == (b"crashed", "/0")
        assert headers["error.message"] == b"the process died 3 times while this record was processed alone"
        assert len(await sources(on, "enriched")) == 19


async def test_a_record_of_which_fewer_died_gets_another_trial(kafka: Kafka) -> None:
    async with stage(kafka) as on:
        await died(on, 3, lives=4, on_trial=2)
        assert await on.received("dead_letters") == []


class Silent(MemoryStore):
    """A store that does not answer until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.speaks = asyncio.Event()

    async def claim(self, proposals: Sequence[Proposal]) -> list[Claim]:
        await self.speaks.wait()
        return await super().claim(proposals)


async def test_workers_that_end_in_good_order_arouse_no_suspicion_though_they_did_nothing(kafka: Kafka) -> None:
    store = Silent()
    async with stage(kafka, store=store) as on:
        await begun(on)
        await on.send(*logins(20))
        for _ in range(3):
            on.steps.clear()
            async with on.worker():
                await on.until(lambda: (0, "fetched") in on.steps)
        store.speaks.set()
        async with on.worker():
            await on.until_processed(20)
        assert max(sizes(on)) > 1
        assert await on.received("dead_letters") == []


class Refusing(MemoryTrials):
    """Nobody can count deaths, and waiting would not help."""

    async def opened(self, place: str, offset: int, until: int) -> tuple[int, int]:
        raise StoreRefusedError(f"redis.key_prefix: no {place[-1]}/{offset} until {until}")


async def test_deaths_that_can_not_be_counted_stop_the_worker_with_the_message(kafka: Kafka) -> None:
    async with stage(kafka) as on:
        on.trials = Refusing()
        with pytest.raises(WorkerFailedError, match=r"redis\.key_prefix: no 0/0"):
            async with on.worker() as ending:
                await asyncio.wait_for(ending.wait(), 30)


class Marks(MemoryTrials):
    """Notes what other partitions have in hand when a mark is left."""

    def __init__(self) -> None:
        super().__init__()
        self.stage: Stage | None = None
        self.busy: list[set[int]] = []

    async def trying(self, place: str, offset: int) -> None:
        assert self.stage is not None
        await super().trying(place, offset)
        latest = {partition: step for partition, step in self.stage.steps if step != "fetched"}
        mine = int(place.rpartition("/")[2])
        self.busy.append({each for each, step in latest.items() if step in _IN_HAND and each != mine})


_IN_HAND = {"decided", "begun", "sent", "acknowledged", "offsets_sent", "committed"}


async def test_while_a_record_is_on_trial_no_other_is_in_hand(kafka: Kafka) -> None:
    async with stage(kafka, partitions=3, batch_max_records=5) as on:
        await begun(on)
        on.trials = marks = Marks()
        marks.stage = on
        for partition in range(3):
            await on.send(*logins(20, first=100 * partition), partition=partition)
        await die(on, 2, partition=0)
        await die(on, 2, partition=1)
        async with on.worker():
            await on.until_processed(60)
        assert marks.busy == [set()] * 10
        assert len(await sources(on, "enriched")) == 60


async def test_a_record_given_up_whose_commit_seemed_to_fail_drags_no_other_along(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, failing = AIOKafkaProducer.commit_transaction, [OSError()]

    async def fail_once(producer: AIOKafkaProducer) -> None:
        await commit(producer)
        if failing:
            raise failing.pop()

    async with stage(kafka) as on:
        await begun(on)
        await on.send(*logins(3))
        await die(on, 5, on_trial=3)
        monkeypatch.setattr(AIOKafkaProducer, "commit_transaction", fail_once)
        async with on.worker():
            await on.until_processed(2)
        assert [each[-2:] for each in await sources(on, "dead_letters")] == ["/0"]
        assert [each[-2:] for each in await sources(on, "enriched")] == ["/1", "/2"]


async def test_batches_go_side_by_side_and_a_trial_waits_for_them() -> None:
    gate, told, leave = Gate(), [], asyncio.Event()

    async def batch(name: str) -> None:
        async with gate.side_by_side():
            told.append(name)
            await leave.wait()

    async def trial() -> None:
        async with gate.alone():
            told.append("trial")

    tasks = [asyncio.create_task(each) for each in (batch("a"), batch("b"), trial(), batch("c"))]
    await _idle()
    assert told == ["a", "b"]
    leave.set()
    await asyncio.gather(*tasks)
    assert told == ["a", "b", "trial", "c"]


async def test_who_gives_up_waiting_holds_up_nobody() -> None:
    gate = Gate()

    async def trial() -> None:
        async with gate.alone():
            raise AssertionError

    async with gate.side_by_side():
        waiting = asyncio.create_task(trial())
        await _idle()
        waiting.cancel()
        await asyncio.wait([waiting])
        async with gate.side_by_side():
            assert waiting.cancelled()


async def _idle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)
