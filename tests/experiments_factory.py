"""Experiments, events and a worker's decisions for tests: the engine's own values, with boring defaults."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from worker.experiments.claims import AssignmentStore, Claim, Held, Proposal, Published, Unreachable
from worker.experiments.decide import Decision, Engine, settle
from worker.experiments.definitions import (
    Allocation,
    Arm,
    Attribute,
    Experiment,
    Rule,
    Segment,
    Snapshot,
    TenantDefinitions,
    Term,
    Test,
)
from worker.experiments.subjects import Identities, Subject, SubjectKeys, SubjectType
from worker.experiments.vocabulary import Reason
from worker.stores.memory import MemoryStore
from worker.trigger import Trigger

KEYS = SubjectKeys(b"pepper")
ENGINE = Engine(KEYS, ("request", "query", "device_id"))
HALVES: Mapping[str, int] = MappingProxyType({"control": 50, "treatment": 50})

_TRIGGER: Mapping[str, Any] = MappingProxyType(
    dict.fromkeys(Trigger.__struct_fields__)
    | {
        "kind": "post_login",
        "id": "evt_1",
        "id_scope": "",
        "time": "2026-01-05T10:00:00Z",
        "event": MappingProxyType({}),
        "context_path": ("event",),
        "segment_in_context": False,
        "user_id": "auth0|1",
        "query": MappingProxyType({}),
    }
)
_EXPERIMENT: Mapping[str, Any] = MappingProxyType(
    {
        "id": "exp_a",
        "feature_flag_id": "flg_a",
        "flow": "authentication",
        "strategy": "percentage",
        "status": "active",
        "subject": "user",
        "level": None,
        "updated_at": "2026-01-01T00:00:00.000000Z",
        "allocations": (),
        "tiers": (),
        "fallback": None,
        "revision": "r1",
    }
)


def new_trigger(id_: str = "evt_1", **overrides: Any) -> Trigger:
    """A login of `auth0|1`, who has no other identity."""
    return Trigger(**{**_TRIGGER, "id": id_, **overrides})


def on_device(device_id: Any, **overrides: Any) -> Trigger:
    return new_trigger(event={"request": {"query": {"device_id": device_id}}}, **overrides)


def new_arm(variation_id: str) -> Arm:
    """The variation's arm; `control` is the control."""
    return Arm(variation_id, variation_id == "control", MappingProxyType({}), b"{}")


def new_experiment(weights: Mapping[str, int] = HALVES, *, spare: Sequence[str] = (), **overrides: Any) -> Experiment:
    """A percentage experiment; `spare` are variations of its flag without an allocation."""
    return _experiment([Allocation(new_arm(id_), weight) for id_, weight in weights.items()], spare, overrides)


def new_segment_experiment(
    *tiers: Allocation, fallback: str | None = "control", spare: Sequence[str] = (), **overrides: Any
) -> Experiment:
    """A segment experiment; its tiers stand in priority order."""
    last = None if fallback is None else Allocation(new_arm(fallback), is_fallback=True)
    allocations = [*tiers, *([] if last is None else [last])]
    return _experiment(allocations, spare, {"strategy": "segment", "tiers": tiers, "fallback": last, **overrides})


def _experiment(allocations: Sequence[Allocation], spare: Sequence[str], fields: Mapping[str, Any]) -> Experiment:
    allocated = {allocation.arm.variation_id: allocation.arm for allocation in allocations}
    arms = allocated | {id_: new_arm(id_) for id_ in spare}
    shares = {"allocations": tuple(allocations), "arms": arms, "allocated": allocated}
    return Experiment(**{**_EXPERIMENT, **shares, **fields})


def new_tier(variation_id: str, country: str) -> Allocation:
    """The allocation of the segment `seg_<country>`: requests from that country."""
    segment = segment_of("country", country, id_=f"seg_{country}")
    return Allocation(new_arm(variation_id), segment_id=segment.id, segment=segment)


def segment_of(attribute: Attribute, *values: str, id_: str = "seg_a") -> Segment:
    return Segment(id_, active=True, rules=(Rule((Term(attribute, (Test("equals", values),)),)),))


def new_snapshot(*experiments: Experiment) -> Snapshot:
    """Definitions of every tenant; the first that is active or paused serves."""
    serving = next((each for each in experiments if each.status in {"active", "paused"}), None)
    by_id = {experiment.id: experiment for experiment in experiments}
    return Snapshot({None: TenantDefinitions(by_id, {"authentication": serving} if serving else {})}, "s1")


def new_proposal(
    id_: str,
    *names: str,
    draw: str | None = "control",
    experiment: Experiment | None = None,
    tenant: str | None = None,
    time: str | None = "2026-01-05T10:00:00Z",
) -> Proposal:
    """The event `id_` of the subjects of those names (`user:1`, `identifier:a@b.no`) that would be given `draw`."""
    experiment = experiment or new_experiment()
    trigger = new_trigger(id_, tenant=tenant, time=time)
    drawn = None if draw is None else experiment.allocated[draw]
    return Proposal(trigger, experiment, subjects(*names, tenant=tenant), drawn)


def subjects(*names: str, tenant: str | None = None) -> tuple[Subject, ...]:
    """The subjects of names like `user:1`, `identifier:a@b.no`, `device:d1`."""
    types: Mapping[str, SubjectType] = {"user": "user", "identifier": "identifier", "device": "device"}
    pairs = [name.split(":", 1) for name in names]
    return KEYS.of_all(tenant, Identities(tuple((types[type_], value) for type_, value in pairs), ""))


class DownStore:
    """A store that can't be asked, where the settings say to go on."""

    async def claim(self, proposals: Sequence[Proposal]) -> Sequence[Claim]:
        return [Unreachable() for _ in proposals]

    def confirm(self, published: Sequence[Published]) -> None:
        assert not published


class Worker:
    """A worker in miniature: definitions that can be edited and a store; decides batches as the pipeline does.

    What a batch wrote is confirmed as published right after it.

    `claims` are the store's latest answers.
    """

    def __init__(self, *experiments: Experiment, store: AssignmentStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.claims: Sequence[Claim] = ()
        self.load(*experiments)

    def load(self, *experiments: Experiment) -> None:
        self.snapshot = new_snapshot(*experiments)

    def decide(self, trigger: Trigger) -> Decision:
        (decision,) = self.decide_all([trigger])
        return decision

    def decide_all(self, batch: Sequence[Trigger]) -> list[Decision]:
        steps = [ENGINE.propose(self.snapshot, trigger) for trigger in batch]
        proposals = [step for step in steps if isinstance(step, Proposal)]
        self.claims = asyncio.run(self._claim(proposals))
        for proposal, claim in zip(proposals, self.claims, strict=True):
            self.store.confirm(published_by(proposal, claim))
        answers = iter(self.claims)
        return [settle(step, next(answers)) if isinstance(step, Proposal) else step for step in steps]

    async def _claim(self, proposals: Sequence[Proposal]) -> Sequence[Claim]:
        return await self.store.claim(proposals)


def published_by(proposal: Proposal, claim: Claim) -> list[Published]:
    """Return what the claim asks to be published."""
    if not isinstance(claim, Held):
        return []
    tenant, experiment, version = proposal.trigger.tenant, proposal.experiment.id, claim.assignment.version
    return [Published(tenant, experiment, subject, version) for subject in claim.unconfirmed]


def outcome(decision: Decision) -> tuple[Reason, str | None]:
    """Return the reason and the variation."""
    return decision.reason, variation(decision)


def variation(decision: Decision) -> str | None:
    return None if decision.arm is None else decision.arm.variation_id
