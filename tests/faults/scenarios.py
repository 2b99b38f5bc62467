"""All scenarios in one table, and how one is performed.

A scenario hurts workers, servers or inputs while there is work, leaves a worker living, and notes what it did. What
must hold afterwards is the checker's business.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec

from deploy.dev.servers import Kafka, Redis
from tests.faults import command_faults, controls, input_faults, server_faults, worker_faults
from tests.faults.checker import Rule, Verdict
from tests.faults.judging import judge
from tests.faults.stage import Hit, Plan, Servers, Stage, staged
from tests.faults.traffic import (
    CRASHING,
    FAILING,
    FREEZING,
    LARGE,
    LEAVING,
    POISONOUS,
    RACING,
    USUAL,
    Mix,
    traffic,
)
from tests.tcp_proxy import TcpProxy


class Scenario(msgspec.Struct, frozen=True):
    """A story, how often its fault strikes in the short form and in the long one, and its traffic.

    `broken` are the rules that a control breaks at least; none for what must hold. `seconds` is the patience with what
    never comes, where that is known; `waived` are rules that workers don't promise with its settings.
    """

    story: Callable[[Stage, int], Awaitable[None]]
    short: int
    long: int
    mix: Mix = USUAL
    broken: frozenset[Rule] = frozenset()
    seconds: float | None = None
    waived: frozenset[Rule] = frozenset()


_STICKY: frozenset[Rule] = frozenset({"variation", "first", "store", "assignments"})  # what only a store can promise
SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "failpoints": Scenario(worker_faults.failpoints, 9, 45),
        "kills": Scenario(worker_faults.kills, 4, 30),
        "drain": Scenario(worker_faults.drain, 3, 15),
        "zombies": Scenario(worker_faults.zombies, 2, 16),
        "churn": Scenario(worker_faults.churn, 5, 30),
        "broker": Scenario(server_faults.broker, 1, 5),
        "redis": Scenario(server_faults.redis, 5, 20),
        "lost": Scenario(server_faults.lost, 3, 12),
        "cluster": Scenario(server_faults.clustered, 2, 10, RACING),
        "hash": Scenario(server_faults.hashed, 2, 10, waived=_STICKY),
        "poison": Scenario(input_faults.poison, 1, 1, POISONOUS),
        "refused": Scenario(input_faults.refused, 1, 1, LARGE),
        "crashing": Scenario(input_faults.crashing, 1, 1, CRASHING),
        "freezing": Scenario(input_faults.freezing, 1, 1, FREEZING),
        "races": Scenario(input_faults.races, 1, 1, RACING),
        "forgotten": Scenario(command_faults.forgotten, 1, 10, LEAVING),
        "redriven": Scenario(command_faults.redriven, 1, 12, FAILING),
    }
)
CONTROLS: Mapping[str, Scenario] = MappingProxyType(
    {
        "offsets_first": Scenario(controls.offsets_first, 1, 5, broken=frozenset({"outcome"})),
        "random_transactional_id": Scenario(controls.random_transactional_id, 1, 5, broken=frozenset({"outcome"})),
        "no_claim": Scenario(controls.no_claim, 1, 1, RACING, frozenset({"first", "store"})),
        "ignores_the_epoch": Scenario(controls.ignores_the_epoch, 1, 3, broken=frozenset({"first"})),
        "ignores_tombstones": Scenario(controls.ignores_tombstones, 1, 3, LEAVING, frozenset({"store"})),
        "forgets_marks": Scenario(controls.forgets_marks, 0, 3, FAILING, frozenset({"outcome", "due"})),
        "forgetful": Scenario(controls.forgetful, 8, 12, CRASHING, frozenset({"outcome", "lag"}), 10.0),
    }
)


class Size(msgspec.Struct, frozen=True):
    """How much traffic, how often the fault strikes, the most records of a batch, the patience for anything."""

    events: int
    strikes: int
    batch: int
    seconds: float = 60.0


class Report(msgspec.Struct, frozen=True):
    """What a scenario came to; `scrapes` are the answers of the workers' HTTP ports that were searched for secrets."""

    name: str
    events: int
    hits: Sequence[Hit]
    rebalances: int
    verdict: Verdict
    exits: Sequence[int]
    scrapes: int
    seconds: float

    @property
    def idle_hits(self) -> list[str]:
        """Return the faults that found nothing to hurt."""
        return [hit.what for hit in self.hits if not hit.unsettled]


async def perform(name: str, size: Size, seed: int, servers: tuple[Kafka, Redis], folder: Path) -> Report:
    """Perform a scenario or control of that name and judge what it left."""
    scenario = {**SCENARIOS, **CONTROLS}[name]
    started = time.monotonic()
    drawn = traffic(size.events, seed, scenario.mix, size.strikes + 1 if scenario.mix.leaving else 0)
    seconds = scenario.seconds or size.seconds
    plan = Plan(f"{name}-{seed}", drawn.inputs, drawn.leavings, seed, size.batch, seconds)
    kafka, redis = servers
    with TcpProxy("127.0.0.1", redis.port) as proxy:
        async with staged(plan, Servers(kafka, redis, proxy), folder) as stage:
            failure = await _tell(scenario, stage, size.strikes)
            judged = await judge(stage)
            return Report(
                name,
                len(stage.feeder.places),
                tuple(stage.hits),
                stage.workers.count("partitions_assigned"),
                _without(scenario.waived, {**judged.verdict.differences, **failure}),
                judged.exits,
                stage.workers.scrapes,
                time.monotonic() - started,
            )


def _without(waived: frozenset[Rule], differences: Mapping[Rule, tuple[str, ...]]) -> Verdict:
    return Verdict({rule: lines for rule, lines in differences.items() if rule not in waived})


async def _tell(scenario: Scenario, stage: Stage, strikes: int) -> dict[Rule, tuple[str, ...]]:
    """Tell the story; one that can't come to its end is a difference like any other, and what it left is judged."""
    try:
        await scenario.story(stage, strikes)
    except (AssertionError, TimeoutError) as error:
        return {"story": (str(error),)}
    return {}
