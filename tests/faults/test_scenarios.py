"""Every scenario in its short form, and the controls: what holds does, and what is broken on purpose is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.dev.servers import Kafka, Redis
from tests.faults.scenarios import CONTROLS, SCENARIOS, Size, perform

EVENTS = 3000
BATCH = 25
SEED = 20


@pytest.mark.parametrize("name", SCENARIOS)
async def test_every_promise_holds_through(name: str, kafka: Kafka, redis: Redis, tmp_path: Path) -> None:
    report = await perform(name, Size(EVENTS, SCENARIOS[name].short, BATCH), SEED, (kafka, redis), tmp_path)
    assert report.verdict.holds, str(report.verdict)
    assert report.events == EVENTS
    assert len(report.hits) == SCENARIOS[name].short
    assert not report.idle_hits
    assert set(report.exits) == {0}
    assert report.scrapes


@pytest.mark.parametrize("name", CONTROLS)
async def test_the_checker_fails_on_workers_broken_by(name: str, kafka: Kafka, redis: Redis, tmp_path: Path) -> None:
    report = await perform(name, Size(1000, CONTROLS[name].short, BATCH), SEED, (kafka, redis), tmp_path)
    assert CONTROLS[name].broken <= report.verdict.differences.keys(), str(report.verdict)
