"""Revisions: short hashes of all that decides, and of nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import orjson

from worker.experiments.definitions import Allocation, Experiment, TenantDefinitions

_DIGITS = 16


def revision_of_experiment(experiment: Experiment, configs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the revision of an experiment; `configs` are the plain values that its variations serve.

    It stays the same whatever is renamed, described or dated otherwise, paused or resumed.
    """
    return _digest(
        {
            "id": experiment.id,
            "feature_flag_id": experiment.feature_flag_id,
            "flow": experiment.flow,
            "strategy": experiment.strategy,
            "subject": experiment.subject,
            "level": experiment.level,
            "allocations": [_allocation(allocation) for allocation in experiment.allocations],
            "configs": configs,
        }
    )


def _allocation(allocation: Allocation) -> dict[str, Any]:
    return {
        "variation_id": allocation.arm.variation_id,
        "is_control": allocation.arm.is_control,
        "weight": allocation.weight,
        "priority": allocation.priority,
        "is_fallback": allocation.is_fallback,
        "segment": msgspec.to_builtins(allocation.segment),
    }


def revision_of_snapshot(tenants: Iterable[tuple[str | None, TenantDefinitions]]) -> str:
    """Return the revision of a set of definitions: all experiments with their status, in definition order."""
    return _digest(
        [
            [tenant, [[each.id, each.status, each.revision] for each in definitions.experiments.values()]]
            for tenant, definitions in tenants
        ]
    )


def _digest(value: Any) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:_DIGITS]
