"""What an experiment refers to: the snapshots that it carries, else the current entities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from schemas.definitions import Allocation, Experiment, Override, Parameter, Rule, SegmentSnapshot
from worker.experiments.entities import Entities, Entry
from worker.experiments.findings import Place


@dataclass(frozen=True, slots=True)
class Configured:
    """The overrides of a variation: where they stand and of which flag it is."""

    place: Place
    feature_flag_id: str | None
    overrides: Mapping[str, Override]


@dataclass(frozen=True, slots=True)
class Targeted:
    """The rules of an allocation's segment, where they stand, and whether it is active."""

    place: Place
    rules: Sequence[Rule]
    active: bool


@dataclass(frozen=True, slots=True)
class Resolved:
    """An experiment and all that it refers to.

    `parameters` is None if there is neither a snapshot nor a flag. `variations` has every variation of the flag, and
    every allocated one that can be found. `segments` stand in the order of the allocations, None where an allocation
    names no segment or one that can't be found.
    """

    place: Place
    experiment: Experiment
    flag_status: str | None
    parameters: Entry[Mapping[str, Parameter]] | None
    variations: Mapping[str, Configured]
    segments: Sequence[Targeted | None]


def resolve(entry: Entry[Experiment], entities: Entities) -> Resolved:
    """Look up all that an experiment refers to."""
    experiment = entry.value
    current = dict(_current(experiment, entities))
    return Resolved(
        entry.place,
        experiment,
        _flag_status(experiment, entities),
        _parameters(entry, entities),
        {**current, **dict(_flag_snapshot(entry)), **dict(_variation_snapshots(entry, current))},
        [
            _segment(entry.place.below("allocations", index), allocation, entities)
            for index, allocation in enumerate(experiment.allocations)
        ],
    )


def _flag_status(experiment: Experiment, entities: Entities) -> str | None:
    snapshot = experiment.feature_flag_snapshot
    if snapshot is not None and snapshot.status is not None:
        return snapshot.status
    flag = entities.feature_flags.get(experiment.feature_flag_id)
    return flag.value.status if flag else None


def _parameters(entry: Entry[Experiment], entities: Entities) -> Entry[Mapping[str, Parameter]] | None:
    snapshot = entry.value.feature_flag_snapshot
    if snapshot is not None and snapshot.parameters is not None:
        return Entry(entry.place.below("feature_flag_snapshot", "parameters"), snapshot.parameters)
    flag = entities.feature_flags.get(entry.value.feature_flag_id)
    return Entry(flag.place.below("parameters"), flag.value.parameters) if flag else None


def _current(experiment: Experiment, entities: Entities) -> Iterator[tuple[str, Configured]]:
    allocated = {allocation.variation_id for allocation in experiment.allocations}
    for id_, entry in entities.variations.items():
        flag_id = entry.value.feature_flag_id
        if flag_id == experiment.feature_flag_id or id_ in allocated:
            yield id_, Configured(entry.place.below("overrides"), flag_id, entry.value.overrides)


def _flag_snapshot(entry: Entry[Experiment]) -> Iterator[tuple[str, Configured]]:
    snapshot = entry.value.feature_flag_snapshot
    for index, variation in enumerate((snapshot and snapshot.variations) or ()):
        place = entry.place.below("feature_flag_snapshot", "variations", index, "overrides")
        yield variation.id, Configured(place, entry.value.feature_flag_id, variation.overrides)


def _variation_snapshots(
    entry: Entry[Experiment], current: Mapping[str, Configured]
) -> Iterator[tuple[str, Configured]]:
    """Yield them from the last allocation to the first, so that the first stays where two are of one variation."""
    experiment = entry.value
    for index, allocation in reversed(list(enumerate(experiment.allocations))):
        snapshot = allocation.variation_snapshot
        if snapshot is not None and snapshot.overrides is not None:
            place = entry.place.below("allocations", index, "variation_snapshot", "overrides")
            known = current.get(allocation.variation_id)
            flag_id = snapshot.feature_flag_id or (known.feature_flag_id if known else experiment.feature_flag_id)
            yield allocation.variation_id, Configured(place, flag_id, snapshot.overrides)


def _segment(place: Place, allocation: Allocation, entities: Entities) -> Targeted | None:
    if allocation.segment_id is None:
        return None
    snapshot = allocation.segment_snapshot or SegmentSnapshot()
    current = entities.segments.get(allocation.segment_id)
    status = snapshot.status or (current.value.status if current else "active")
    if snapshot.rules is not None:
        return Targeted(place.below("segment_snapshot", "rules"), snapshot.rules, status == "active")
    return Targeted(current.place.below("rules"), current.value.rules, status == "active") if current else None
