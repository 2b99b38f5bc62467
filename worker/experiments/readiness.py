"""Is an experiment that is to run, active or paused, ready to? The checks are the Experiment Center's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from worker.experiments.findings import Finding
from worker.experiments.resolve import Resolved

_WHOLE = 100


def check_readiness(experiments: Sequence[Resolved]) -> Iterator[Finding]:
    """Yield what keeps the experiments of one tenant from running.

    An experiment without allocations has neither a control nor weights nor a fallback, and is found for each.
    """
    for resolved in experiments:
        if resolved.experiment.status in {"active", "paused"}:
            yield from _flag(resolved)
            yield from _control(resolved)
            yield from _shares(resolved)
            yield from _variations(resolved)
        if resolved.experiment.status == "active" and resolved.experiment.updated_at is None:
            yield resolved.place.finding("missing_updated_at", "no updated_at, expected one: workers compare their age")
    yield from _limit([resolved for resolved in experiments if resolved.experiment.status == "active"])


def _flag(resolved: Resolved) -> Iterator[Finding]:
    if resolved.flag_status not in {"active", None}:
        place = resolved.place.below("feature_flag_id")
        yield place.finding("feature_flag_not_active", f"the flag is {resolved.flag_status}, expected an active one")


def _control(resolved: Resolved) -> Iterator[Finding]:
    controls = sum(allocation.is_control is True for allocation in resolved.experiment.allocations)
    if controls != 1:
        place = resolved.place.below("allocations")
        yield place.finding("experiment_missing_control", f"found {controls} with is_control, expected exactly one")


def _shares(resolved: Resolved) -> Iterator[Finding]:
    allocations, place = resolved.experiment.allocations, resolved.place.below("allocations")
    if resolved.experiment.allocation_strategy == "percentage":
        total = sum(allocation.weight or 0 for allocation in allocations)
        if total != _WHOLE:
            yield place.finding(
                "experiment_invalid_allocation_weights", f"the weights sum to {total}, expected {_WHOLE}"
            )
        return
    fallbacks = sum(allocation.is_fallback is True for allocation in allocations)
    if fallbacks != 1:
        yield place.finding("experiment_missing_default", f"found {fallbacks} with is_fallback, expected exactly one")
        return
    for index, allocation in enumerate(allocations):
        if not allocation.is_fallback and allocation.segment_id is None:
            yield place.below(index).finding("invalid_shape", "no segment_id, expected one, or is_fallback")


def _variations(resolved: Resolved) -> Iterator[Finding]:
    experiment = resolved.experiment
    if resolved.parameters is None:  # the flag is missing, which is a finding of its own
        return
    for index, allocation in enumerate(experiment.allocations):
        variation = resolved.variations.get(allocation.variation_id)
        if variation is not None and variation.feature_flag_id != experiment.feature_flag_id:
            place = resolved.place.below("allocations", index, "variation_id")
            yield place.finding(
                "variation_not_from_flag",
                f"found a variation of {variation.feature_flag_id!r}, expected one of {experiment.feature_flag_id!r}",
            )


def _limit(active: Sequence[Resolved]) -> Iterator[Finding]:
    """Yield each active experiment that shares its flow with an earlier one; the flow `all` shares every flow."""
    for index, resolved in enumerate(active):
        flow = resolved.experiment.authentication_flow
        earlier = [
            other.experiment
            for other in active[:index]
            if "all" in {flow, other.experiment.authentication_flow} or flow == other.experiment.authentication_flow
        ]
        if earlier:
            yield resolved.place.finding(
                "experiment_active_limit_exceeded",
                f"active for the flow {flow}, where {earlier[0].id!r} is active too "
                f"({earlier[0].authentication_flow}), expected one",
            )
