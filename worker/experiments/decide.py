"""The decision: which experiment applies to an event, and which variation.

`propose` takes every step that needs no memory and says what the store must be asked; `settle` takes its answer. The
order of the steps is the contract's: override, experiment, subject, sticky, segment, ramp, split.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

import msgspec

from worker.experiments.claims import Behind, Claim, Held, Proposal, Unreachable, Vacant, Withdrawn
from worker.experiments.definitions import Allocation, Arm, Attribute, Experiment, Snapshot
from worker.experiments.segments import holds
from worker.experiments.split import allocation_at, draw, in_ramp, slot
from worker.experiments.subjects import Identities, Subject, SubjectKeys, device_identities, user_identities
from worker.experiments.user_agent import parse_user_agent
from worker.experiments.vocabulary import Method, Reason, WarningCode
from worker.trigger import Path, Trigger


class Decision(msgspec.Struct, frozen=True):
    """What applies to an event: the arm of an experiment, or null (`arm` None) for a reason.

    `subject` is whose decision it is (None: the event names nobody). `is_first` is True for the event that created the
    assignment, None where the store could not be asked.
    """

    reason: Reason
    subject: Subject | None
    experiment: Experiment | None = None
    arm: Arm | None = None
    method: Method = "auto"
    segment_id: str | None = None
    is_first: bool | None = False
    warnings: tuple[WarningCode, ...] = ()


class Engine:
    """Decides with one pepper and one place to look for device ids; knows no definitions of its own.

    `device_path` leads from the event object to the device id.
    """

    def __init__(self, keys: SubjectKeys, device_path: Path) -> None:
        self._keys = keys
        self._device_path = device_path

    def propose(self, snapshot: Snapshot, trigger: Trigger) -> Decision | Proposal:
        """Decide everything that needs no memory; say what the store must be asked."""
        tenant = snapshot.of(trigger.tenant)
        warnings: tuple[WarningCode, ...] = ()
        if not _OVERRIDES.isdisjoint(trigger.query):
            named = named_in(trigger.query)
            if named.experiment_id is not None:
                return self._override(tenant.experiments, trigger, named)
            if named.variation_id is not None or named.segment_id is not None:
                warnings = ("experiment_orphaned_params",)
        experiment = tenant.serving.get("authentication")
        identities = self.identities(experiment, trigger)
        if experiment is None:
            return Decision("no_experiment", self._subject(trigger, identities), warnings=warnings)
        if identities is None:
            return Decision("no_subject", None, experiment, warnings=warnings)
        if experiment.strategy == "segment":
            return self._by_segment(experiment, trigger, identities, warnings)
        return Proposal(
            trigger,
            experiment,
            self.subjects(trigger, identities),
            draw(experiment, identities.bucketing_key) if experiment.status == "active" else None,
            warnings,
        )

    def identities(self, experiment: Experiment | None, trigger: Trigger) -> Identities | None:
        """Return the names of whom the experiment assigns, None if the event names nobody."""
        device = None
        if experiment is not None and experiment.subject == "device":
            device = device_identities(trigger, self._device_path)
        return device or user_identities(trigger)

    def subjects(self, trigger: Trigger, identities: Identities) -> tuple[Subject, ...]:
        """Return all of the event's identities, the subject first."""
        return self._keys.of_all(trigger.tenant, identities)

    def _subject(self, trigger: Trigger, identities: Identities | None) -> Subject | None:
        return None if identities is None else self._keys.of_first(trigger.tenant, identities)

    def _by_segment(
        self, experiment: Experiment, trigger: Trigger, identities: Identities, warnings: tuple[WarningCode, ...]
    ) -> Decision:
        subject = self._subject(trigger, identities)
        if experiment.status == "paused":
            return Decision("paused", subject, experiment, warnings=warnings)
        allocation = allocation_for_request(experiment, trigger)
        if allocation is None:
            return Decision("not_found", subject, experiment, warnings=warnings)
        return Decision(
            "fallback" if allocation.is_fallback else "segment",
            subject,
            experiment,
            allocation.arm,
            segment_id=None if allocation.is_fallback else allocation.segment_id,
            warnings=warnings,
        )

    def _override(self, experiments: Mapping[str, Experiment], trigger: Trigger, named: Named) -> Decision:
        """Answer a request that names its experiment; such a decision is never stored nor read from the store."""
        experiment = experiments.get(named.experiment_id) if isinstance(named.experiment_id, str) else None
        identities = self.identities(experiment, trigger)
        subject = self._subject(trigger, identities)
        if experiment is None:
            return Decision("not_found", subject, warnings=("experiment_not_found",))
        if named.variation_id is None and named.segment_id is None:
            return _explicit(experiment, trigger, subject, identities)
        allocation = _forced(experiment, named)
        if allocation is None:
            return Decision("not_found", subject, experiment, warnings=("experiment_not_found",))
        return Decision(
            "forced", subject, experiment, allocation.arm, method="forced", segment_id=allocation.segment_id
        )


_OVERRIDES = frozenset({"experiment_id", "variation_id", "segment_id"})


class Named(msgspec.Struct, frozen=True):
    """What a request's query names of an override; an empty string or null counts as absent (None)."""

    experiment_id: Any
    variation_id: Any
    segment_id: Any


def named_in(query: Mapping[str, Any]) -> Named:
    """Return what a request's query names."""
    found = [query.get(name) for name in ("experiment_id", "variation_id", "segment_id")]
    return Named(*[None if value == "" else value for value in found])


def _forced(experiment: Experiment, named: Named) -> Allocation | None:
    if named.variation_id is not None:
        arm = experiment.arms.get(named.variation_id) if isinstance(named.variation_id, str) else None
        return None if arm is None else Allocation(arm)
    tiers = (tier for tier in experiment.tiers if tier.segment_id == named.segment_id)
    return next(tiers, None)


def _explicit(
    experiment: Experiment, trigger: Trigger, subject: Subject | None, identities: Identities | None
) -> Decision:
    """Decide as if the experiment were active, without the store."""
    if identities is None:
        return Decision("no_subject", None, experiment)
    if experiment.strategy == "segment":
        allocation = allocation_for_request(experiment, trigger)
    elif in_ramp(experiment, identities.bucketing_key):
        allocation = allocation_at(experiment, slot(experiment, identities.bucketing_key))
    else:
        return Decision("not_in_ramp", subject, experiment)
    if allocation is None:  # a draft whose weights or fallback are not there yet
        return Decision("not_found", subject, experiment, warnings=("experiment_not_found",))
    segment_id = None if allocation.is_fallback else allocation.segment_id
    return Decision("explicit", subject, experiment, allocation.arm, method="explicit", segment_id=segment_id)


def allocation_for_request(experiment: Experiment, trigger: Trigger) -> Allocation | None:
    """Return the first allocation in priority order whose segment holds, else the fallback (segment strategy)."""

    def attribute(name: Attribute) -> str | None:
        return attribute_of(trigger, name)

    for tier in experiment.tiers:
        if tier.segment is not None and holds(tier.segment, attribute):
            return tier
    return experiment.fallback


def attribute_of(trigger: Trigger, name: Attribute) -> str | None:
    """Return what a segment sees of an event under that name; None if it is missing."""
    match name:
        case "device_type" | "browser" | "platform":
            return None if trigger.user_agent is None else getattr(parse_user_agent(trigger.user_agent), name)
        case _:
            value: str | None = getattr(trigger, name)
            return value


def settle(proposal: Proposal, claim: Claim) -> Decision:
    """Turn the store's answer into the decision."""
    experiment = proposal.experiment
    match claim:
        case Held(assignment, position):
            arm = experiment.allocated[assignment.variation_id]
            first = assignment.event_id == proposal.trigger.id
            if first:
                reason: Reason = "reassigned" if assignment.version else "split"
            else:
                reason = "linked" if position else "sticky"
            return Decision(reason, proposal.subjects[0], experiment, arm, "auto", None, first, proposal.warnings)
        case Vacant() | Withdrawn():
            return _decision(proposal, "paused" if experiment.status == "paused" else "not_in_ramp")
        case Behind():
            return _decision(proposal, "not_found", warning="definitions_behind")
        case Unreachable():
            if proposal.drawn is not None:
                reason = "store_down"
            else:
                reason = "paused" if experiment.status == "paused" else "not_in_ramp"
            return _decision(proposal, reason, proposal.drawn, is_first=None, warning="experiment_circuit_open")
        case _:
            assert_never(claim)


def _decision(
    proposal: Proposal,
    reason: Reason,
    arm: Arm | None = None,
    *,
    is_first: bool | None = False,
    warning: WarningCode | None = None,
) -> Decision:
    warnings = proposal.warnings if warning is None else (*proposal.warnings, warning)
    return Decision(reason, proposal.subjects[0], proposal.experiment, arm, is_first=is_first, warnings=warnings)
