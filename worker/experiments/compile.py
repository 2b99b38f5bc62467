"""Make the engine's values from entities that were found sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, get_args

from msgspec.structs import replace

from schemas import definitions as documents
from worker.experiments import timestamps
from worker.experiments.arms import merge_config, new_arm
from worker.experiments.definitions import Allocation, Arm, Experiment, Flow, Segment, Snapshot, TenantDefinitions
from worker.experiments.resolve import Resolved, Targeted
from worker.experiments.revision import revision_of_experiment, revision_of_snapshot
from worker.experiments.rules import normalise

_FLOWS: Sequence[Flow] = tuple(flow for flow in get_args(Flow) if flow != "all")


def compile_snapshot(tenants: Mapping[str | None, Sequence[Resolved]]) -> Snapshot:
    """Return the snapshot of all tenants; every reference must resolve, readiness is not asked for."""
    compiled = {tenant: _tenant(experiments) for tenant, experiments in tenants.items()}
    return Snapshot(MappingProxyType(compiled), revision_of_snapshot(compiled.items()))


def _tenant(experiments: Iterable[Resolved]) -> TenantDefinitions:
    compiled = [_experiment(resolved) for resolved in experiments]
    serving = {flow: experiment for flow in _FLOWS if (experiment := _serving(compiled, flow)) is not None}
    return TenantDefinitions(
        MappingProxyType({experiment.id: experiment for experiment in compiled}), MappingProxyType(serving)
    )


def _serving(experiments: Sequence[Experiment], flow: Flow) -> Experiment | None:
    order = (("active", flow), ("active", "all"), ("paused", flow), ("paused", "all"))
    found = (each for wanted in order for each in experiments if (each.status, each.flow) == wanted)
    return next(found, None)


def _experiment(resolved: Resolved) -> Experiment:
    document = resolved.experiment
    parameters = resolved.parameters.value if resolved.parameters else {}
    configs = {id_: merge_config(parameters, each.overrides) for id_, each in resolved.variations.items()}
    arms = _arms(resolved, configs)
    allocations = tuple(_allocations(resolved, arms, configs))
    allocated = {allocation.arm.variation_id: arms[allocation.arm.variation_id] for allocation in allocations}
    own = {
        id_: arm for id_, arm in arms.items() if resolved.variations[id_].feature_flag_id == document.feature_flag_id
    }
    experiment = Experiment(
        id=document.id,
        feature_flag_id=document.feature_flag_id,
        flow=document.authentication_flow,
        strategy=document.allocation_strategy,
        status=document.status,
        subject=(document.assignment_config and document.assignment_config.subject) or "user",
        level=document.current_level,
        updated_at=document.updated_at and timestamps.normalise(document.updated_at),
        allocations=allocations,
        tiers=_tiers(allocations),
        fallback=_fallback(allocations),
        arms=MappingProxyType(own),
        allocated=MappingProxyType(allocated),
        revision="",
    )
    return replace(experiment, revision=revision_of_experiment(experiment, configs))


def _arms(resolved: Resolved, configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Arm]:
    experiment = resolved.experiment
    controls = {allocation.variation_id for allocation in experiment.allocations if allocation.is_control}
    return {id_: new_arm(experiment.id, id_, config, is_control=id_ in controls) for id_, config in configs.items()}


def _allocations(
    resolved: Resolved, arms: Mapping[str, Arm], configs: Mapping[str, Mapping[str, Any]]
) -> Iterator[Allocation]:
    for document, targeted in zip(resolved.experiment.allocations, resolved.segments, strict=True):
        id_ = document.variation_id
        yield Allocation(
            arm=_allocated(resolved.experiment, document, arms[id_], configs[id_]),
            weight=document.weight or 0,
            segment_id=document.segment_id,
            segment=_segment(document, targeted),
            priority=document.priority,
            is_fallback=document.is_fallback is True,
        )


def _allocated(
    experiment: documents.Experiment, allocation: documents.Allocation, arm: Arm, config: Mapping[str, Any]
) -> Arm:
    """Return the variation's arm, as control or not as this allocation says: several segments may share a variation."""
    is_control = allocation.is_control is True
    if experiment.allocation_strategy == "percentage" or arm.is_control == is_control:
        return arm
    return new_arm(experiment.id, arm.variation_id, config, is_control=is_control)


def _segment(allocation: documents.Allocation, targeted: Targeted | None) -> Segment | None:
    if allocation.segment_id is None or targeted is None:
        return None
    return Segment(allocation.segment_id, targeted.active, normalise(targeted.rules))


def _tiers(allocations: Sequence[Allocation]) -> tuple[Allocation, ...]:
    """Return those with a segment by priority, those without one last; a fallback's segment is tried like any other."""
    tiers = [replace(allocation, is_fallback=False) for allocation in allocations if allocation.segment is not None]
    return tuple(sorted(tiers, key=lambda tier: (tier.priority is None, tier.priority or 0)))


def _fallback(allocations: Sequence[Allocation]) -> Allocation | None:
    fallbacks = (allocation for allocation in allocations if allocation.is_fallback)
    return next((replace(fallback, segment_id=None, segment=None) for fallback in fallbacks), None)
