"""What the store answered lately, so that it need not be asked for the same again.

Only what it answered for good is kept: a confirmed record that all identities of the event hold. An answer serves the
same identities with the same definitions, as long as the stamps of their buckets are those that it came with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
from cachebox import LRUCache

from worker.experiments.claims import Claim, Proposal
from worker.stores.redis_records import Answer, Layout, Stamp

_Name = tuple[str | bytes, ...]


class _Entry(msgspec.Struct, frozen=True, gc=False):
    """An answer, until when it serves, and what it rests on."""

    until: float
    claim: Claim
    buckets: tuple[int, ...]
    stamps: tuple[Stamp, ...]


class Remembered(msgspec.Struct, frozen=True):
    """An answer for each proposal, None where the store must be asked; `stamps` are what the answers rest on."""

    claims: list[Claim | None]
    stamps: Mapping[int, Stamp]

    def stands(self, answer: Answer) -> bool:
        """Tell whether what the store says now of the buckets is what the answers rest on."""
        return all(answer.stamps[bucket] == stamp for bucket, stamp in self.stamps.items())


class ClaimCache:
    """At most `size` answers (0: none) of a store, each for `seconds` by the monotonic `clock`."""

    def __init__(self, layout: Layout, size: int, seconds: float, clock: Callable[[], float]) -> None:
        self._layout = layout
        self._entries: LRUCache[_Name, _Entry] | None = LRUCache(size) if size else None
        self._seconds = seconds
        self._clock = clock
        self._stamps: dict[int, Stamp] = {}

    def look(self, proposals: Sequence[Proposal]) -> Remembered:
        """Return what is remembered.

        The store must be asked as well for subjects of an earlier proposal that it is asked for: that one may write.
        """
        entries, stamp_of = self._entries, self._stamps.get
        if entries is None or not entries:
            return Remembered([None] * len(proposals), {})
        now = self._clock()
        asked: set[bytes] = set()
        found: list[Claim | None] = []
        stamps: dict[int, Stamp] = {}
        for proposal in proposals:
            entry = entries.get(_name(proposal))
            if (
                entry is None
                or entry.until <= now
                or tuple(map(stamp_of, entry.buckets)) != entry.stamps
                or (asked and _shares(proposal, asked))
            ):
                asked.update([subject.key for subject in proposal.subjects])
                found.append(None)
            else:
                found.append(entry.claim)
                stamps.update(zip(entry.buckets, entry.stamps, strict=True))
        return Remembered(found, stamps)

    def keep(self, proposals: Sequence[Proposal], answer: Answer) -> None:
        """Remember what the store answered; what rests on another stamp than before counts no more."""
        entries, stamps, bucket_of = self._entries, self._stamps, self._layout.bucket_of
        if entries is None:
            return
        for bucket, stamp in answer.stamps.items():
            if stamps.get(bucket) != stamp:
                stamps[bucket] = stamp
        if not answer.is_whole:
            return
        until = self._clock() + self._seconds
        for proposal, claim, settled in zip(proposals, answer.claims, answer.settled, strict=True):
            if settled:
                buckets = tuple({bucket_of(subject.key): None for subject in proposal.subjects})
                entries[_name(proposal)] = _Entry(until, claim, buckets, tuple([stamps[each] for each in buckets]))


def _name(proposal: Proposal) -> _Name:
    experiment = proposal.experiment
    keys = [subject.key for subject in proposal.subjects]
    return (experiment.id, experiment.revision, experiment.status, *keys)


def _shares(proposal: Proposal, asked: set[bytes]) -> bool:
    return any(subject.key in asked for subject in proposal.subjects)
