"""The entities of the definitions as they stand in files, and those of one tenant put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Generic, TypeVar

from schemas.definitions import Entity, Experiment, FeatureFlag, NestedVariation, Segment
from worker.experiments.findings import Finding, Place

T_co = TypeVar("T_co", covariant=True)
E = TypeVar("E", bound=Entity)


@dataclass(frozen=True, slots=True)
class Entry(Generic[T_co]):
    """A part of a document and where it stands."""

    place: Place
    value: T_co


@dataclass(frozen=True, slots=True)
class Contents:
    """What one file defines, in its order; every variation knows its flag."""

    tenant: str | None
    feature_flags: Sequence[Entry[FeatureFlag]] = ()
    variations: Sequence[Entry[NestedVariation]] = ()
    segments: Sequence[Entry[Segment]] = ()
    experiments: Sequence[Entry[Experiment]] = ()

    def all(self) -> Iterator[Entry[Entity]]:
        """Yield the entities of every kind."""
        return chain(self.feature_flags, self.variations, self.segments, self.experiments)


@dataclass(frozen=True, slots=True)
class Entities:
    """What all files of one tenant define, by id, in the order of the files and in them.

    `lost_ids` are the ids of what could not be read: it is defined, but what it is nobody knows.
    """

    feature_flags: Mapping[str, Entry[FeatureFlag]]
    variations: Mapping[str, Entry[NestedVariation]]
    segments: Mapping[str, Entry[Segment]]
    experiments: Mapping[str, Entry[Experiment]]
    lost_ids: frozenset[str] = frozenset()


def by_tenant(files: Iterable[Contents]) -> dict[str | None, list[Contents]]:
    """Group the files of each tenant, in the order in which the tenants appear."""
    found: dict[str | None, list[Contents]] = {}
    for contents in files:
        found.setdefault(contents.tenant, []).append(contents)
    return found


def merge(files: Sequence[Contents], lost_ids: frozenset[str]) -> Entities:
    """Put the files of one tenant together; of two entities with one id the first stays."""
    return Entities(
        _by_id(entry for contents in files for entry in contents.feature_flags),
        _by_id(entry for contents in files for entry in contents.variations),
        _by_id(entry for contents in files for entry in contents.segments),
        _by_id(entry for contents in files for entry in contents.experiments),
        lost_ids,
    )


def _by_id(entries: Iterable[Entry[E]]) -> dict[str, Entry[E]]:
    found: dict[str, Entry[E]] = {}
    for entry in entries:
        found.setdefault(entry.value.id, entry)
    return found


def duplicates(files: Sequence[Contents]) -> Iterator[Finding]:
    """Yield every id of one tenant that is used again, for an entity of whatever kind."""
    first: dict[str, Place] = {}
    for contents in files:
        for entry in contents.all():
            place = first.setdefault(entry.value.id, entry.place)
            if place is not entry.place:
                yield entry.place.finding("duplicate_id", f"the id is that of {place.path} in {place.file}")
