"""Positive controls: the same faults on workers that are broken on purpose. The checker must fail on them."""

from __future__ import annotations

from tests.faults import command_faults, server_faults
from tests.faults.input_faults import supervised
from tests.faults.stage import Stage
from tests.faults.worker_faults import begin, frozen_at, killed_at


async def offsets_first(stage: Stage, strikes: int) -> None:
    """The offset is committed before the outputs are sent: a kill in between loses them."""
    await begin(stage)
    for _ in range(strikes):
        await killed_at(stage, "committed", stage.chunk(strikes), "offsets_first")
    stage.workers.start("w", static=True, broken="offsets_first")


async def random_transactional_id(stage: Stage, strikes: int) -> None:
    """Nobody fences a frozen worker: its transaction commits although another has done the same work."""
    for _ in range(strikes):
        await frozen_at(stage, "offsets_sent", stage.chunk(strikes), "random_transactional_id")


async def no_claim(stage: Stage, _: int) -> None:
    """Every worker decides for itself, without asking what a person was given before."""
    await stage.join("a", broken="no_claim")
    await stage.feeder.feed(len(stage.plan.inputs))


async def forgetful(stage: Stage, lives: int) -> None:
    """Nobody outside the process counts its deaths: it never gets through."""
    await supervised(stage, lives, "forgetful")


async def ignores_tombstones(stage: Stage, strikes: int) -> None:
    """A rebuild takes whatever was ever published for the truth."""
    await command_faults.forgotten(stage, strikes, "ignores_tombstones")


async def forgets_marks(stage: Stage, strikes: int) -> None:
    """A redrive does not write down what it has sent."""
    await command_faults.redriven(stage, strikes, "forgets_marks")


async def ignores_the_epoch(stage: Stage, strikes: int) -> None:
    """A store that was flushed is taken for a new one."""
    await server_faults.lost(stage, strikes, "ignores_the_epoch")
