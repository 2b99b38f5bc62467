"""What operators do beside workers that work: forget people, send dead letters back; their commands are killed."""

from __future__ import annotations

import asyncio
import signal
from itertools import pairwise

from tests.faults.checker import subjects_of
from tests.faults.experiment import TENANT
from tests.faults.server_faults import edit, flush
from tests.faults.stage import Hit, Stage
from tests.faults.traffic import Leaving
from tests.faults.workers import Breakage
from worker.streams.kafka.cluster import Connection
from worker.streams.kafka.reading import Stretch, open_reader

_PHASES = ("erasures", "store again", "waiting", "store", "assignments")
_SHORT = {"WORKER_KAFKA__TRANSACTION_TIMEOUT_MS": "2000", "WORKER_REDIS__CLAIM_MAX_AGE_MS": "300"}  # what is waited for
_PIECES, _PIECE_SECONDS = 60, 0.05
_KILLED = -signal.SIGKILL


async def forgotten(stage: Stage, strikes: int, broken: Breakage | None = None) -> None:
    """People are forgotten while others log in, and come again as somebody new, though Redis loses everything."""
    for name in ("a", "b"):
        await stage.join(name, broken=broken, **_SHORT)
    for strike, (leaving, following) in enumerate(pairwise(stage.plan.leavings)):
        third = (following.at - leaving.at) // 3  # who has left may come again after the next ones did
        await stage.feeder.feed(leaving.at - len(stage.feeder.places))
        await stage.settled()
        await edit(stage, 2 * strike + 1)
        done = asyncio.Event()
        trickle = asyncio.create_task(_trickle(stage, third, done))
        try:
            await _forget(stage, _PHASES[strike % len(_PHASES)], leaving)
        finally:
            done.set()
            await trickle
        await stage.settled()
        if (strikes - strike) % 2:
            await edit(stage, 2 * strike + 2)
            await flush(stage)
            await stage.feeder.feed(third)


async def _trickle(stage: Stage, count: int, done: asyncio.Event) -> None:
    """Feed so many inputs at most, in pieces, so that there is work until somebody is done."""
    for _ in range(_PIECES):
        if done.is_set():
            return
        await stage.feeder.feed(count // _PIECES)
        await asyncio.sleep(_PIECE_SECONDS)


async def _forget(stage: Stage, phase: str, leaving: Leaving) -> None:
    names = [name for person in leaving.people for name in person]
    options = {"user": "--user-id", "identifier": "--email"}
    asked = ["forget", "--yes", "--json", "--tenant", TENANT]
    asked += [each for type_, value in names for each in (options[type_], value)]
    before = stage.feeder.outcomes
    code, _ = await stage.workers.command(*asked, failpoint=f"{phase}:1:SIGKILL", broken=None, **_SHORT)
    assert code == _KILLED, f"forget: exit {code}"
    meanwhile = stage.feeder.outcomes - before
    stage.hits.append(Hit(f"{len(leaving.people)} people forgotten, killed at {phase}", meanwhile))
    code, printed = await stage.workers.command(*asked, broken=None, **_SHORT)
    assert code == 0, printed
    later = {name for each in stage.plan.inputs[leaving.at :] if each.event for name in each.event.names}
    stage.forgotten.update(subjects_of([name for name in names if name not in later]))


async def redriven(stage: Stage, strikes: int, broken: Breakage | None = None) -> None:
    """What a handler failed on is sent back when it was mended, by commands that are killed, beside workers."""
    failing = await stage.join("failing")
    await stage.feeder.feed(len(stage.plan.inputs))
    await stage.settled()
    await stage.stop(failing)
    stage.redriven = {place for place, each in stage.feeder.places.items() if each.reason == "handler_failed"}
    for name in ("a", "b"):
        await stage.join(name, MENDED="1")
    redrive = ("dlq", "redrive", "--reason", "handler_failed", "--json")
    for strike in range(strikes):
        failpoint = "redriven:1:SIGKILL" if strike % 2 else "redriving:2:SIGKILL"
        code, printed = await stage.workers.command(*redrive, failpoint=failpoint, broken=broken)
        assert code == _KILLED, f"exit {code}: {printed}"
        stage.hits.append(Hit("redrive killed", len(stage.redriven - _enriched(stage))))
    code, printed = await stage.workers.command(*redrive, broken=broken)
    assert code == 0, printed
    code, printed = await stage.workers.command(*redrive, broken=broken)
    await _note_ends(stage)
    assert broken or (code, '"sent": 0,' in printed) == (0, True), printed


def _enriched(stage: Stage) -> set[str]:
    return {each.source for each in stage.follower.seen if each.kind == "enriched"}


async def _note_ends(stage: Stage) -> None:
    """Let the inputs end where the last record does that was sent back."""
    ends: dict[int, int] = {}
    fed = stage.feeder.ends
    connection = Connection(stage.servers.kafka.bootstrap_servers, "faults")
    async with open_reader(connection, stage.layout.triggers) as reader:
        stretches = await reader.stretches()
        new = {number: Stretch(fed[number], each.end) for number, each in stretches.items()}
        async for records in reader.read(new):
            ends |= {record.partition: record.offset + 1 for record in records}
    stage.feeder.sent_back(ends)
