"""What happens to workers: killed, stopped, frozen, joining and leaving while there is work."""

from __future__ import annotations

import signal

from tests.faults.stage import Stage
from tests.faults.waiting import until
from tests.faults.workers import Breakage, Worker

STEPS = ("opened", "fetched", "decided", "begun", "sent", "acknowledged", "offsets_sent", "committed", "confirmed")
_FROZEN_AT = ("acknowledged", "offsets_sent", "begun", "sent", "decided", "committed", "fetched")


async def failpoints(stage: Stage, strikes: int) -> None:
    """Kill -9 at each named step of a batch, the same static member coming back every time."""
    await begin(stage)
    for strike in range(strikes):
        step = STEPS[strike % len(STEPS)]
        await killed_at(stage, step, stage.chunk(strikes))
    stage.workers.start("w", static=True)


async def begin(stage: Stage) -> None:
    """Let the group begin: its first commits are none of a batch."""
    first = stage.workers.start("w", static=True)
    await stage.running()
    await stage.stop(first)


async def killed_at(stage: Stage, step: str, chunk: int, broken: Breakage | None = None) -> None:
    """Let a worker be killed when lanes have reached a step a few times."""
    times = stage.random.randint(1, 8)
    worker = stage.workers.start("w", static=True, failpoint=f"{step}:{times}:SIGKILL", broken=broken)
    await stage.feeder.feed(chunk)
    code = await worker.ended(stage.plan.seconds)
    assert code == -signal.SIGKILL, f"exit {code}: {worker.tail()}"
    stage.hit(f"killed at {step}")


async def kills(stage: Stage, strikes: int) -> None:
    """Kill -9 at any moment: static members come back, the last one killed is replaced by the other."""
    for name in ("a", "b"):
        stage.workers.start(name, static=True)
    for _ in range(strikes - 1):
        await stage.running()
        victim = await _kill_one(stage, stage.chunk(strikes))
        stage.workers.start(victim.name, static=True)
    await stage.running()
    await _kill_one(stage, stage.chunk(strikes))


async def _kill_one(stage: Stage, chunk: int) -> Worker:
    await stage.busy(chunk)
    victim = stage.random.choice(stage.workers.living)
    victim.kill()
    stage.hit(f"killed {victim.name}")
    return victim


async def drain(stage: Stage, strikes: int) -> None:
    """SIGTERM: exit 0 in time, one rebalance for the others; a second SIGTERM ends at once."""
    await stage.join("stays")
    for _ in range(strikes - 1):
        leaver = await stage.join("leaves")
        await stage.running()
        await stage.busy(stage.chunk(strikes))
        before = stage.workers.count("partitions_assigned")
        stage.hit("SIGTERM")
        await stage.stop(leaver)
        await stage.running()
        rebalances = stage.workers.count("partitions_assigned") - before
        assert rebalances == 1, f"{rebalances} assignments after one worker left, expected 1"
    await _signal_twice(stage, stage.chunk(strikes))


async def _signal_twice(stage: Stage, chunk: int) -> None:
    """A broker that stands still keeps a worker from draining: only the second signal ends it."""
    worker = await stage.join("twice")
    await stage.running()
    await stage.busy(chunk)
    stage.servers.kafka.suspend()
    try:
        stage.hit("SIGTERM twice")
        worker.send(signal.SIGTERM)
        await until(lambda: worker.said("worker_stopping"), 5, "the first SIGTERM to be heard")
        worker.send(signal.SIGTERM)
        code = await worker.ended(1)
        assert code == 128 + signal.SIGTERM, f"exit {code} after two SIGTERM"
    finally:
        stage.servers.kafka.resume()


async def zombies(stage: Stage, strikes: int) -> None:
    """SIGSTOP inside a batch until others have taken over, then SIGCONT: the zombie goes on where it stood."""
    for strike in range(strikes):
        await frozen_at(stage, _FROZEN_AT[strike % len(_FROZEN_AT)], stage.chunk(strikes))


async def frozen_at(stage: Stage, step: str, chunk: int, broken: Breakage | None = None) -> None:
    """Freeze a worker inside a batch until another has taken its partitions over and done the same work."""
    failpoint = f"{step}:{stage.random.randint(9, 16)}:SIGSTOP"  # a new group begins with a commit for each partition
    patient = {"WORKER_KAFKA__TRANSACTION_TIMEOUT_MS": "60000"}  # no broker ends its transaction meanwhile
    zombie = await stage.join("zombie", failpoint=failpoint, broken=broken, **patient)
    while not zombie.stands_still:
        assert await stage.feeder.feed(chunk // 4), f"the zombie did not come to {step}"
        await until(lambda: zombie.stands_still or not stage.unsettled, stage.plan.seconds, "the zombie to stop")
    stage.hit(f"frozen at {step}")
    if len(stage.workers.living) == 1:
        stage.workers.start("heir", broken=broken)
    await stage.committed()
    await stage.feeder.feed(chunk // 4)
    zombie.send(signal.SIGCONT)
    await stage.committed()
    await stage.stop(zombie)


async def churn(stage: Stage, strikes: int) -> None:
    """Workers join and leave, and nobody waits for the group to settle."""
    await stage.join("first")
    for strike in range(strikes):
        await stage.busy(stage.chunk(strikes))
        living = stage.workers.living
        if len(living) == 1 or (len(living) < 4 and stage.random.random() < 0.5):
            stage.hit("joined")
            await stage.join(f"joins-{strike}")
        else:
            stage.hit("left")
            await stage.stop(stage.random.choice(living))
