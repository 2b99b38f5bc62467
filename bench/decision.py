"""The decision alone, against the Python SDKs of GrowthBook and Eppo; and with its in-memory store.

All decide one percentage experiment with three variations and a ramp for the same subjects: identities, ramp, split,
config. Alone means propose and settle, with the keyed hashes known from earlier events, as they are for people
who come back; the ramp and the split are hashed anew (there are more subjects than are remembered). The SDKs decide
without their sticky services.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import eppo_client
import growthbook

from bench.table import Row
from worker.experiments.claims import Proposal
from worker.experiments.decide import Engine, settle
from worker.experiments.definitions import Snapshot
from worker.experiments.parse import parse
from worker.experiments.subjects import SubjectKeys
from worker.formats.decode import Limits
from worker.formats.read import Read, read
from worker.records import Record
from worker.replay import BATCH_RECORDS
from worker.stores.memory import MemoryStore
from worker.trigger import Trigger

SUBJECTS = 20_000
ROUNDS = 7
LEVEL = 80
WEIGHTS = {"control": 50, "passkeys": 25, "mfa": 25}


def compare(_: Path) -> list[Row]:
    """Return a row for each SDK."""
    people = [f"auth0|{number:024x}" for number in range(SUBJECTS)]
    triggers = [new_trigger(person) for person in people]
    alone, stored, against_growthbook, against_eppo = _measure(
        [_alone(triggers), _with_store(triggers), _growthbook(people), _eppo(people)]
    )
    return [
        _row("the decision alone against GrowthBook's SDK", alone, against_growthbook, "≥ 3 x faster"),
        _row("the decision with its claim in memory against GrowthBook's SDK", stored, against_growthbook, "reported"),
        _row("the decision alone against Eppo's SDK (compiled)", alone, against_eppo, "reported"),
    ]


def _row(what: str, ours: float, theirs: float, aim: str) -> Row:
    return Row(what, f"{ours:.2f} µs", f"{theirs:.2f} µs", f"{theirs / ours:.2f} x faster", aim)


def _measure(jobs: Sequence[Callable[[], None]]) -> list[float]:
    """Return the CPU time per subject of each job in µs: the median of rounds that take turns."""
    times: list[list[float]] = [[] for _ in jobs]
    for _ in range(ROUNDS):
        for job, found in zip(jobs, times, strict=True):
            started = time.process_time()
            job()
            found.append((time.process_time() - started) / SUBJECTS * 1e6)
    return [median(found) for found in times]


def _alone(triggers: Sequence[Trigger]) -> Callable[[], None]:
    snapshot, engine = new_snapshot(), new_engine()
    steps = [engine.propose(snapshot, trigger) for trigger in triggers]
    proposals = [step for step in steps if isinstance(step, Proposal)]
    claims = asyncio.run(MemoryStore().claim(proposals))
    assert len(claims) == len(triggers)

    def decide() -> None:
        for trigger, claim in zip(triggers, claims, strict=True):
            step = engine.propose(snapshot, trigger)
            if isinstance(step, Proposal):
                settle(step, claim)

    return decide


def _with_store(triggers: Sequence[Trigger]) -> Callable[[], None]:
    snapshot, engine, store = new_snapshot(), new_engine(), MemoryStore()

    async def decide() -> None:
        for start in range(0, len(triggers), BATCH_RECORDS):
            steps = [engine.propose(snapshot, trigger) for trigger in triggers[start : start + BATCH_RECORDS]]
            proposals = [step for step in steps if isinstance(step, Proposal)]
            for proposal, claim in zip(proposals, await store.claim(proposals), strict=True):
                settle(proposal, claim)

    return lambda: asyncio.run(decide())


def new_engine() -> Engine:
    """Return an engine with a pepper."""
    return Engine(SubjectKeys(b"pepper"), ("request", "query", "device_id"))


def new_snapshot() -> Snapshot:
    """Return the experiment."""
    document = {
        "feature_flags": [
            {
                "id": "flg_a",
                "name": "a",
                "type": "self",
                "status": "active",
                "parameters": {"p": {"type": "string", "value": "control"}},
                "variations": [
                    {"id": f"var_{name}", "name": name, "overrides": {"p": {"value": name}}} for name in WEIGHTS
                ],
            }
        ],
        "experiments": [
            {
                "id": "exp_a",
                "name": "a",
                "feature_flag_id": "flg_a",
                "authentication_flow": "authentication",
                "allocation_strategy": "percentage",
                "status": "active",
                "current_level": LEVEL,
                "updated_at": "2026-01-01T00:00:00Z",
                "allocations": [
                    {"variation_id": f"var_{name}", "weight": weight, "is_control": name == "control"}
                    for name, weight in WEIGHTS.items()
                ],
            }
        ],
    }
    snapshot = parse([("bench.json", json.dumps(document).encode())]).snapshot
    assert snapshot is not None
    return snapshot


def new_trigger(person: str, **user: str) -> Trigger:
    """Return a login; `user` are more fields of the user's."""
    value = {"id": person, "trigger": "post_login", "event": {"user": {"user_id": person, **user}}}
    found = read(Record(json.dumps(value).encode(), "bench/1"), Limits())
    assert isinstance(found, Read)
    return found.trigger


def _growthbook(people: Sequence[str]) -> Callable[[], None]:
    """Evaluate as its documentation does: one instance per user."""
    weights = [weight / 100 for weight in WEIGHTS.values()]
    experiment: Any = growthbook.Experiment(
        key="exp_a", variations=list(WEIGHTS), weights=weights, coverage=LEVEL / 100, hashVersion=2, seed="exp_a"
    )

    def decide() -> None:
        for person in people:
            growthbook.GrowthBook(attributes={"id": person}).run(experiment)

    return decide


class _NoLogger(eppo_client.AssignmentLogger):
    """Assignments are not logged: only the decision counts here."""

    def log_assignment(self, event: dict[str, Any]) -> None:
        """Do nothing."""


def _eppo(people: Sequence[str]) -> Callable[[], None]:
    configuration = eppo_client.Configuration(flags_configuration=json.dumps(_eppo_flags()).encode())
    client = eppo_client.init(
        eppo_client.ClientConfig(
            api_key="none",
            base_url="http://127.0.0.1:9",
            assignment_logger=_NoLogger(),
            poll_interval_seconds=None,
            initial_configuration=configuration,
        )
    )
    assert client.get_string_assignment("a", people[0], {}, "") in {*WEIGHTS, ""}

    def decide() -> None:
        for person in people:
            client.get_string_assignment("a", person, {}, "")

    return decide


def _eppo_flags() -> dict[str, Any]:
    splits, start = [], 0
    for name, weight in WEIGHTS.items():
        ramp = {"salt": "exposure", "ranges": [{"start": 0, "end": LEVEL * 100}]}
        share = {"salt": "assignment", "ranges": [{"start": start * 100, "end": (start + weight) * 100}]}
        splits.append({"variationKey": name, "shards": [ramp, share], "extraLogging": {}})
        start += weight
    return {
        "createdAt": "2026-01-01T00:00:00Z",
        "format": "SERVER",
        "environment": {"name": "bench"},
        "flags": {
            "a": {
                "key": "a",
                "enabled": True,
                "variationType": "STRING",
                "variations": {name: {"key": name, "value": name} for name in WEIGHTS},
                "totalShards": 10_000,
                "allocations": [{"key": "all", "rules": [], "splits": splits, "doLog": True}],
            }
        },
    }
