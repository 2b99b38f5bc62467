"""Do the ids that definitions name stand for anything?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from worker.experiments.entities import Entities
from worker.experiments.findings import Finding, Place
from worker.experiments.resolve import Resolved


def check_references(entities: Entities, experiments: Sequence[Resolved]) -> Iterator[Finding]:
    """Yield every reference that neither the tenant's definitions nor a snapshot at its place answers."""
    carried = {each.experiment.feature_flag_id for each in experiments if each.parameters is not None}
    flag_ids = entities.feature_flags.keys() | carried | entities.lost_ids
    for entry in entities.variations.values():
        flag_id = entry.value.feature_flag_id
        if flag_id not in flag_ids:
            yield _dangling(entry.place.below("feature_flag_id"), "feature flag", flag_id)
    for resolved in experiments:
        yield from _of_experiment(resolved, entities.lost_ids)


def _of_experiment(resolved: Resolved, lost_ids: frozenset[str]) -> Iterator[Finding]:
    place, experiment = resolved.place, resolved.experiment
    if resolved.parameters is None and experiment.feature_flag_id not in lost_ids:
        yield _dangling(place.below("feature_flag_id"), "feature flag", experiment.feature_flag_id)
    for index, allocation in enumerate(experiment.allocations):
        below = place.below("allocations", index)
        variation_id, segment_id = allocation.variation_id, allocation.segment_id
        if variation_id not in resolved.variations and variation_id not in lost_ids:
            yield _dangling(below.below("variation_id"), "variation", variation_id)
        if segment_id and resolved.segments[index] is None and segment_id not in lost_ids:
            yield _dangling(below.below("segment_id"), "segment", segment_id)


def _dangling(place: Place, kind: str, id_: str | None) -> Finding:
    return place.finding("dangling_reference", f"found {id_!r}, expected the id of a {kind} of this tenant")
