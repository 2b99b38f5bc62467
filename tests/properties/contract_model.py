"""Contract §4 once more, for one percentage experiment of users: slow and small, one sentence of it after the other.

It shares no code with the worker: names instead of keys, days instead of times, a dictionary instead of a store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Edition:
    """The experiment on one day (None: without `updated_at`); a variation without a weight here is withdrawn."""

    weights: Mapping[str, int]
    level: int | None = None
    paused: bool = False
    day: int | None = None


@dataclass(frozen=True)
class Note:
    """A stored record."""

    variation: str
    version: int
    day: int | None
    event_id: str


@dataclass(frozen=True)
class Answer:
    """What is decided, and what the store had to do with it; `note` is the record that decided."""

    reason: str
    note: Note | None = None
    is_first: bool = False
    warnings: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    conflict: bool = False


def links(event: Mapping[str, str | None]) -> list[str]:
    """E-mail (trimmed, lower case), phone number, username; blank = absent."""
    found = [(event.get("email") or "").strip().lower(), event.get("phone_number") or "", event.get("username") or ""]
    return [link for link in found if link.strip()]


def identities(event: Mapping[str, str | None]) -> list[str]:
    """`user_id`, then the link identifiers."""
    user_id = event.get("user_id") or ""
    return [f"user:{user_id}"] * bool(user_id.strip()) + [f"identifier:{link}" for link in links(event)]


def bucketing_key(event: Mapping[str, str | None]) -> str | None:
    """The first link identifier if the event has one, else `user_id`."""
    found = [*links(event), *(name.removeprefix("user:") for name in identities(event))]
    return found[0] if found else None


def shard(text: str) -> int:
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:8], 16) % 10_000


def drawn(edition: Edition, key: str, experiment_id: str = "exp_a") -> str | None:
    """Steps 6 and 7 for a bucketing key."""
    if edition.level is not None and shard(f"exposure-{key}-{experiment_id}") >= edition.level * 100:
        return None
    percents = [variation for variation, weight in edition.weights.items() for _ in range(weight)]
    return percents[shard(f"assignment-{key}-{experiment_id}") // 100]


@dataclass
class Model:
    """All records, by identity."""

    notes: dict[str, Note] = field(default_factory=dict)

    def decide(self, edition: Edition, event_id: str, event: Mapping[str, str | None]) -> Answer:
        names, key = identities(event), bucketing_key(event)
        if key is None:
            return Answer("no_subject")
        draw = drawn(edition, key)
        known = [name for name in names if name in self.notes]
        if known:
            return self._known(edition, event_id, names, known, draw)
        if edition.paused:
            return Answer("paused")
        if draw is None:
            return Answer("not_in_ramp")
        return self._write(names, Note(draw, 0, edition.day, event_id), Answer("split", is_first=True))

    def _known(
        self, edition: Edition, event_id: str, names: Sequence[str], known: Sequence[str], draw: str | None
    ) -> Answer:
        note = self.notes[known[0]]
        if note.variation in edition.weights:
            return self._keep(event_id, names, known, note, decided=known[0])
        if edition.paused:
            return Answer("paused")
        days = [self.notes[name].day for name in known]
        if any(edition.day is not None and day is not None and edition.day < day for day in days):
            return Answer("not_found", warnings=("definitions_behind",))
        version = max(self.notes[name].version for name in known)
        allocated = [name for name in known if self.notes[name].variation in edition.weights]
        for name in allocated:
            if self.notes[name].version == version > 0:  # replaced before, for this identity
                return self._keep(event_id, names, allocated, self.notes[name], decided=name)
        if draw is None:
            return Answer("not_in_ramp")
        return self._write(names, Note(draw, version + 1, edition.day, event_id), Answer("reassigned", is_first=True))

    def _keep(self, event_id: str, names: Sequence[str], known: Sequence[str], note: Note, decided: str) -> Answer:
        conflict = any(self.notes[name].variation != note.variation for name in known)
        if note.event_id == event_id:
            answer = Answer("reassigned" if note.version else "split", is_first=True, conflict=conflict)
        else:
            answer = Answer("sticky" if decided == names[0] else "linked", conflict=conflict)
        return self._write([name for name in names if name not in known], note, answer)

    def _write(self, names: Sequence[str], note: Note, answer: Answer) -> Answer:
        self.notes |= dict.fromkeys(names, note)
        return replace(answer, note=note, written=tuple(names))
