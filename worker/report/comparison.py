"""The same log under two sets of definitions: what would be different. Memory grows with the subjects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from worker.outputs import BatchResult
from worker.report.collector import commands_of, enrollment_of, exposure_of

_EXAMPLES = 3
_SHOWN_HEX = 12


class Arm(NamedTuple):
    """What a subject was given."""

    experiment_id: str
    variation_id: str


class Side:
    """What came of the log under one set of definitions."""

    def __init__(self) -> None:
        self.given: dict[tuple[str | None, bytes], Arm] = {}  # the last of each subject
        self.segments: dict[tuple[str, str], set[str]] = {}  # the subjects of each experiment's segments
        self.methods: Counter[str] = Counter()
        self.endpoints: Counter[str] = Counter()

    def add(self, result: BatchResult) -> None:
        """Add a batch."""
        for placement in result.tallies.placements:
            arm = Arm(placement.experiment_id, placement.variation_id)
            self.given[placement.tenant, placement.subject_key] = arm
        for output in result.outputs["exposures"]:
            exposure = exposure_of(output.value)
            if exposure.segment_id is not None and exposure.subject is not None:
                self.segments.setdefault((exposure.experiment_id, exposure.segment_id), set()).add(exposure.subject)
        for output in result.outputs["commands"]:
            self.methods.update([call.method for call in commands_of(output.value).commands])
        for output in result.outputs["enrollments"]:
            self.endpoints[enrollment_of(output.value).endpoint] += 1


class Comparison(msgspec.Struct, frozen=True):
    """Two sides: the definitions in force, and the others."""

    now: Side
    then: Side

    def document(self) -> dict[str, Any]:
        """Return what differs, as `summary.json` has it under `comparison`."""
        moves = _moves(self.now, self.then)
        changed = sum(times for (before, after), (times, _) in moves.items() if before != after)
        return {
            "subjects": sum(times for times, _ in moves.values()),
            "changed": changed,
            "moves": [
                {"from": _named(before), "to": _named(after), "subjects": times, "examples": examples}
                for (before, after), (times, examples) in moves.items()
            ],
            "split": _both(Counter(self.now.given.values()), Counter(self.then.given.values()), _named),
            "segments": _both(_sizes(self.now), _sizes(self.then), _segment),
            "commands": _both(self.now.methods, self.then.methods, lambda name: {"method": name}),
            "enrollments": _both(self.now.endpoints, self.then.endpoints, lambda name: {"endpoint": name}),
        }


def _moves(now: Side, then: Side) -> dict[tuple[Arm | None, Arm | None], tuple[int, list[str]]]:
    """Return the subjects by what they get now and then, those that change first, with a few of these."""
    counts: Counter[tuple[Arm | None, Arm | None]] = Counter()
    examples: dict[tuple[Arm | None, Arm | None], list[str]] = {}
    for subject in dict.fromkeys([*now.given, *then.given]):
        move = now.given.get(subject), then.given.get(subject)
        counts[move] += 1
        found = examples.setdefault(move, [])
        if move[0] != move[1] and len(found) < _EXAMPLES:
            found.append(subject[1].hex()[:_SHOWN_HEX])
    return {move: (times, examples[move]) for move, times in sorted(counts.items(), key=_order)}


def _order(entry: tuple[tuple[Arm | None, Arm | None], int]) -> tuple[bool, int, tuple[str, ...], tuple[str, ...]]:
    (before, after), times = entry
    return before == after, -times, before or (), after or ()


def _sizes(side: Side) -> Counter[tuple[str, str]]:
    return Counter({name: len(subjects) for name, subjects in side.segments.items()})


def _named(arm: Arm | None) -> dict[str, str] | None:
    return None if arm is None else arm._asdict()


def _segment(name: tuple[str, str]) -> dict[str, str]:
    return {"experiment_id": name[0], "segment_id": name[1]}


def _both(now: Counter[Any], then: Counter[Any], named: Callable[[Any], dict[str, str] | None]) -> list[dict[str, Any]]:
    """Return the counts of both sides beside each other, by name."""
    return [{**(named(name) or {}), "now": now[name], "then": then[name]} for name in _names(now, then)]


def _names(now: Iterable[Any], then: Iterable[Any]) -> Iterator[Any]:
    yield from sorted({*now, *then})
