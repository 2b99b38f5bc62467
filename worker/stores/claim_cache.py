"""What the store answered lately, so that it need not be asked for the same again.

Only what it answered for good is kept: a confirmed record that all identities of the event hold. An answer serves the
same identities with the same definitions, as long as the store's stamp is the one it came with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cachebox import LRUCache

from worker.experiments.claims import Claim, Proposal
from worker.stores.redis_records import Answer, Stamp

_Name = tuple[str | bytes, ...]


class ClaimCache:
    """At most `size` answers (0: none), each for `seconds` by the monotonic `clock`."""

    def __init__(self, size: int, seconds: float, clock: Callable[[], float]) -> None:
        self._entries: LRUCache[_Name, tuple[float, Claim]] | None = LRUCache(size) if size else None
        self._seconds = seconds
        self._clock = clock
        self.stamp = Stamp(None, None)

    def look(self, proposals: Sequence[Proposal]) -> list[Claim | None]:
        """Return an answer for each proposal, None where the store must be asked.

        It must be asked as well for subjects of an earlier proposal that it is asked for: that one may write.
        """
        entries = self._entries
        if entries is None or not entries:
            return [None] * len(proposals)
        now = self._clock()
        asked: set[bytes] = set()
        found: list[Claim | None] = []
        for proposal in proposals:
            entry = entries.get(_name(proposal))
            if entry is None or entry[0] <= now or (asked and _shares(proposal, asked)):
                asked.update([subject.key for subject in proposal.subjects])
                found.append(None)
            else:
                found.append(entry[1])
        return found

    def keep(self, proposals: Sequence[Proposal], answer: Answer) -> None:
        """Remember what the store answered; another stamp than before forgets the rest."""
        entries = self._entries
        if entries is None:
            return
        if answer.stamp != self.stamp:
            entries.clear()
            self.stamp = answer.stamp
        if answer.stamp.epoch is None:
            return
        until = self._clock() + self._seconds
        for proposal, claim, settled in zip(proposals, answer.claims, answer.settled, strict=True):
            if settled:
                entries[_name(proposal)] = until, claim


def _name(proposal: Proposal) -> _Name:
    experiment = proposal.experiment
    keys = [subject.key for subject in proposal.subjects]
    return (experiment.id, experiment.revision, experiment.status, *keys)


def _shares(proposal: Proposal, asked: set[bytes]) -> bool:
    return any(subject.key in asked for subject in proposal.subjects)
