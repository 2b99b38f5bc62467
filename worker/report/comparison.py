"""What if: the same log under two sets of definitions, and what would be different.

Overridden decisions are left out: the request said what it wants, under whatever definitions. Memory grows with the
subjects, by eight bytes of their keys for each change that they would see, never with the events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from worker.experiments.decide import Decision
from worker.experiments.definitions import Snapshot
from worker.experiments.subjects import Subject
from worker.outputs import BatchResult, Output
from worker.report.collect import Decided, is_overridden, short_key
from worker.report.masking import mask_endpoint
from worker.report.recorded import endpoint_of, methods_of
from worker.summary import Summary

Kind = Literal[
    "changed",  # another variation
    "gained",  # a variation instead of none
    "lost",  # none instead of a variation
    "reconfigured",  # the same variation, with another config or role
    "moved",  # the same variation and config, of another experiment
    "unchanged",
]
AFFECTING: tuple[Kind, ...] = ("changed", "gained", "lost", "reconfigured")
_EXAMPLES = 3
_EXAMPLE_DIGITS = 12

Given = tuple[str, str] | None  # experiment and variation
_SegmentKey = tuple[str | None, str, str | None]


class _Change(NamedTuple):
    before: Given
    after: Given
    kind: Kind


class _Seen:
    """Who would see a change: events, subjects, and the first subjects as examples."""

    __slots__ = ("events", "examples", "subjects")

    def __init__(self) -> None:
        self.events = 0
        self.subjects: set[bytes] = set()
        self.examples: list[str] = []

    def add(self, subject: Subject | None) -> None:
        self.events += 1
        if subject is None or (key := short_key(subject.key)) in self.subjects:
            return
        self.subjects.add(key)
        if len(self.examples) < _EXAMPLES:
            self.examples.append(subject.hex[:_EXAMPLE_DIGITS])


class _Segments:
    """Who was in which segment under one set of definitions."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.subjects: dict[_SegmentKey, set[bytes]] = {}

    def add(self, decided: Sequence[Decided]) -> None:
        for trigger, decision, _ in decided:
            if decision.reason in {"segment", "fallback"} and decision.experiment and decision.subject:
                tenant = trigger.tenant if trigger.tenant in self._snapshot.tenants else None
                key = (tenant, decision.experiment.id, decision.segment_id)
                self.subjects.setdefault(key, set()).add(short_key(decision.subject.key))


class _Tally:
    """What handlers asked for under both sets, by name: how much, and how much of it under one only.

    An event that asks for the same under both neither gains nor loses, so swaps don't cancel out.
    """

    def __init__(self, names: Callable[[Output], list[str]]) -> None:
        self._names = names
        self._counts: dict[str, Counter[str]] = {}

    def add(self, before: Sequence[Output], after: Sequence[Output]) -> None:
        ours, theirs = self._by_event(before), self._by_event(after)
        self._count("configured", ours.values())
        self._count("other", theirs.values())
        for source in ours.keys() | theirs.keys():
            mine, other = ours.get(source, Counter()), theirs.get(source, Counter())
            self._count("gained", [other - mine])
            self._count("lost", [mine - other])

    def _by_event(self, outputs: Sequence[Output]) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = {}
        for output in outputs:
            found.setdefault(output.record.source, Counter()).update(self._names(output))
        return found

    def _count(self, column: str, counts: Any) -> None:
        for counted in counts:
            for name, number in counted.items():
                self._counts.setdefault(name, Counter())[column] += number

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return a row for each name, which stands under that heading."""
        return [
            {name: each, **{column: counts[column] for column in ("configured", "other", "gained", "lost")}}
            for each, counts in sorted(self._counts.items())
        ]


class Comparison:
    """Adds up what the same batches come to under the configured definitions and under others."""

    def __init__(self, configured: Snapshot, other: Snapshot) -> None:
        self._summary = Summary(other)
        self._before = _Segments(configured)
        self._after = _Segments(other)
        self._changes: dict[_Change, _Seen] = {}
        self._overridden = 0
        self._commands = _Tally(lambda output: [method for _, method in methods_of(output)])
        self._enrollments = _Tally(lambda output: [mask_endpoint(endpoint_of(output))])

    def add(
        self,
        before: tuple[Sequence[Decided], BatchResult],
        after: tuple[Sequence[Decided], BatchResult],
    ) -> None:
        """Add a batch: what was decided for the same events, in the same order, and what came out."""
        self._summary.add(after[1])
        self._before.add(before[0])
        self._after.add(after[0])
        for ours, theirs in zip(before[0], after[0], strict=True):
            self._compare(ours.decision, theirs.decision)
        self._commands.add(before[1].outputs["commands"], after[1].outputs["commands"])
        self._enrollments.add(before[1].outputs["enrollments"], after[1].outputs["enrollments"])

    def _compare(self, before: Decision, after: Decision) -> None:
        if is_overridden(before) or is_overridden(after):
            self._overridden += 1
            return
        change = _Change(_given(before), _given(after), _kind(before, after))
        seen = self._changes.get(change)
        if seen is None:
            seen = self._changes[change] = _Seen()
        seen.add(_whose(before, after))

    def document(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """Return what would be different; `before` is the summary under the configured definitions."""
        after = self._summary.document([], 0)
        return {
            "definitions_revision": after["definitions_revision"],
            "overridden": self._overridden,
            "subjects": self._subjects(),
            "changes": list(self._rows()),
            "variations": list(_variations(before["experiments"], after["experiments"])),
            "segments": list(self._segments()),
            "commands": self._commands.rows("method"),
            "enrollments": self._enrollments.rows("endpoint"),
            "dead_letters": {
                "configured": sum(before["dead_letters"].values()),
                "other": sum(after["dead_letters"].values()),
            },
        }

    def _subjects(self) -> dict[str, int]:
        """Count the subjects by kind of change; whoever would see several counts for each of them."""
        by_kind: dict[Kind, set[bytes]] = {}
        for change, seen in self._changes.items():
            by_kind.setdefault(change.kind, set()).update(seen.subjects)
        affected = set().union(*(by_kind.get(kind, set()) for kind in AFFECTING))
        return {
            "compared": len(set().union(*by_kind.values())),
            "affected": len(affected),
            **{kind: len(by_kind.get(kind, ())) for kind in (*AFFECTING, "moved")},
        }

    def _rows(self) -> Iterator[dict[str, Any]]:
        """Yield the changes, those that most subjects would see first, what stays the same last."""

        def order(item: tuple[_Change, _Seen]) -> tuple[Any, ...]:
            (before, after, kind), seen = item
            return kind == "unchanged", -len(seen.subjects), -seen.events, before or ("",), after or ("",)

        for (before, after, kind), seen in sorted(self._changes.items(), key=order):
            yield {
                "kind": kind,
                "before": _named(before),
                "after": _named(after),
                "subjects": len(seen.subjects),
                "events": seen.events,
                "examples": [] if kind == "unchanged" else seen.examples,
            }

    def _segments(self) -> Iterator[dict[str, Any]]:
        """Yield the subjects of each segment that anybody was in under either set."""
        before, after = self._before.subjects, self._after.subjects
        order = sorted(before.keys() | after.keys(), key=lambda key: (key[0] or "", key[1], key[2] is None, key[2]))
        for key in order:
            tenant, experiment_id, segment_id = key
            yield {
                "tenant_id": tenant,
                "experiment_id": experiment_id,
                "segment_id": segment_id,
                "configured": len(before.get(key, ())),
                "other": len(after.get(key, ())),
            }


def _given(decision: Decision) -> Given:
    if decision.experiment is None or decision.arm is None:
        return None
    return decision.experiment.id, decision.arm.variation_id


def _kind(before: Decision, after: Decision) -> Kind:
    if before.arm is None or after.arm is None:
        return "unchanged" if before.arm is after.arm else "gained" if before.arm is None else "lost"
    ours, theirs = before.arm, after.arm
    if ours.variation_id != theirs.variation_id:
        return "changed"
    if (ours.config, ours.is_control) != (theirs.config, theirs.is_control):
        return "reconfigured"
    return "unchanged" if _given(before) == _given(after) else "moved"


def _whose(before: Decision, after: Decision) -> Subject | None:
    """Return the subject of the configured experiment if there is one, else that of the other set."""
    first, second = (before, after) if before.experiment is not None else (after, before)
    return first.subject or second.subject


def _named(given: Given) -> dict[str, str] | None:
    return None if given is None else {"experiment_id": given[0], "variation_id": given[1]}


def _variations(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield every variation that runs under either set, with its part of the split under both."""
    ours, theirs = _by_variation(before), _by_variation(after)
    for key in dict.fromkeys([*ours, *theirs]):
        tenant, experiment_id, variation_id = key
        yield {
            "tenant_id": tenant,
            "experiment_id": experiment_id,
            "variation_id": variation_id,
            "configured": ours.get(key),
            "other": theirs.get(key),
        }


def _by_variation(experiments: Sequence[Mapping[str, Any]]) -> dict[tuple[str | None, str, str], dict[str, Any]]:
    return {
        (experiment["tenant_id"], experiment["experiment_id"], variation["variation_id"]): {
            name: variation[name] for name in ("subjects", "exposures", "expected_share")
        }
        for experiment in experiments
        for variation in experiment["variations"]
    }
