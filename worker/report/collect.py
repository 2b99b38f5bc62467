"""What a report needs beyond the summary, collected batch by batch.

Memory grows with the subjects, by eight bytes of their keys, and with experiments, variations and steps of time; never
with the events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from worker.experiments.decide import Decision
from worker.experiments.definitions import Experiment, Snapshot
from worker.formats.fields import parse_rfc3339
from worker.outputs import BatchResult, DeadLetter
from worker.report.masking import mask, mask_endpoint
from worker.report.recorded import endpoint_of, methods_of
from worker.report.timeline import Series, Timeline
from worker.trigger import Trigger

_RUNNING = ("active", "paused")
_DRAWN = ("split", "reassigned")
_SAMPLES = 3

ExperimentKey = tuple[str | None, str]
ArmKey = tuple[str | None, str, str]


class Decided(NamedTuple):
    """An event, what was decided for it, and whether that is recorded as an exposure."""

    trigger: Trigger
    decision: Decision
    exposed: bool


class Sample(msgspec.Struct, frozen=True):
    """A dead letter as a report shows it."""

    source: str
    stage: str
    message: str


class SegmentFacts(msgspec.Struct, frozen=True):
    """Who was in a segment, or in none (`segment_id` None: the fallback)."""

    segment_id: str | None
    events: int
    subjects: int


class ExperimentFacts(msgspec.Struct, frozen=True):
    """One experiment that runs, as a report shows it.

    `drawn` counts by variation whom it was drawn for: each person once, with all that the event names them by. It is
    what can be compared with weights. `out` counts the subjects that the ramp leaves out. `exposures` has the
    counts over time of the allocated variations in their order, None if no exposure is dated.
    """

    tenant: str | None
    experiment: Experiment
    reasons: Mapping[str, int]
    drawn: Mapping[str, int]
    out: int
    segments: Sequence[SegmentFacts]
    exposures: Series | None


class HandlerCommand(msgspec.Struct, frozen=True):
    """How often a handler called a method of its api, by the method's Actions name."""

    trigger: str
    handler: str
    method: str
    calls: int


class Facts(msgspec.Struct, frozen=True):
    """All that was collected. `first` and `last` are the earliest and the latest event, in seconds since the epoch."""

    experiments: Sequence[ExperimentFacts]
    commands: Sequence[HandlerCommand]
    enrollments: Mapping[str, int]
    samples: Mapping[str, Sequence[Sample]]
    first: float | None
    last: float | None
    undated: int


class Collector:
    """Adds up what was decided and what came out."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._reasons: dict[ExperimentKey, Counter[str]] = {}
        self._drawn: dict[ArmKey, set[bytes]] = {}
        self._out: dict[ExperimentKey, set[bytes]] = {}
        self._segments: dict[ExperimentKey, dict[str | None, _Segment]] = {}
        self._timeline: Timeline[ArmKey] = Timeline()
        self._commands: Counter[tuple[str, str, str]] = Counter()
        self._enrollments: Counter[str] = Counter()
        self._samples: dict[str, list[Sample]] = {}
        self._first: float | None = None
        self._last: float | None = None
        self._undated = 0

    def add(self, decided: Iterable[Decided], result: BatchResult) -> None:
        """Add a batch: its decisions and what they came to."""
        for each in decided:
            self._decided(each, self._moment(each.trigger))
        for output in result.outputs["commands"]:
            self._commands.update((output.trigger.kind, *called) for called in methods_of(output))
        self._enrollments.update(mask_endpoint(endpoint_of(output)) for output in result.outputs["enrollments"])
        for letter in result.dead_letters:
            self._sample(letter)

    def _moment(self, trigger: Trigger) -> float | None:
        if trigger.time is None:
            self._undated += 1
            return None
        moment = parse_rfc3339(trigger.time).timestamp()
        self._first = moment if self._first is None else min(self._first, moment)
        self._last = moment if self._last is None else max(self._last, moment)
        return moment

    def _decided(self, each: Decided, moment: float | None) -> None:
        decision = each.decision
        if decision.experiment is None or is_overridden(decision):
            return
        key = (self._owner(each.trigger.tenant), decision.experiment.id)
        self._reasons.setdefault(key, Counter())[decision.reason] += 1
        self._place(key, decision)
        if each.exposed and moment is not None and decision.arm is not None:
            self._timeline.add((*key, decision.arm.variation_id), moment)

    def _place(self, key: ExperimentKey, decision: Decision) -> None:
        if decision.subject is None:
            return
        subject = short_key(decision.subject.key)
        if decision.reason == "not_in_ramp":
            self._out.setdefault(key, set()).add(subject)
        elif decision.reason in _DRAWN and decision.arm is not None:
            self._drawn.setdefault((*key, decision.arm.variation_id), set()).add(subject)
        elif decision.reason in {"segment", "fallback"}:
            segment = self._segments.setdefault(key, {}).setdefault(decision.segment_id, _Segment())
            segment.events += 1
            segment.subjects.add(subject)

    def _owner(self, tenant: str | None) -> str | None:
        """Return whose definitions serve the tenant."""
        return tenant if tenant in self._snapshot.tenants else None

    def _sample(self, letter: DeadLetter) -> None:
        samples = self._samples.setdefault(letter.reason, [])
        if len(samples) < _SAMPLES:
            samples.append(Sample(mask(letter.record.source), letter.stage, mask(letter.message)))

    def facts(self) -> Facts:
        """Return what was collected so far."""
        return Facts(
            [
                self._experiment((tenant, experiment.id), experiment)
                for tenant, definitions in self._snapshot.tenants.items()
                for experiment in definitions.experiments.values()
                if experiment.status in _RUNNING
            ],
            [HandlerCommand(*called, calls) for called, calls in sorted(self._commands.items())],
            dict(sorted(self._enrollments.items())),
            dict(sorted(self._samples.items())),
            self._first,
            self._last,
            self._undated,
        )

    def _experiment(self, key: ExperimentKey, experiment: Experiment) -> ExperimentFacts:
        arms = [(*key, variation_id) for variation_id in experiment.allocated]
        return ExperimentFacts(
            key[0],
            experiment,
            dict(sorted(self._reasons.get(key, Counter()).items())),
            {arm[2]: len(self._drawn.get(arm, ())) for arm in arms},
            len(self._out.get(key, ())),
            self._of_segments(key, experiment),
            self._timeline.series(arms),
        )

    def _of_segments(self, key: ExperimentKey, experiment: Experiment) -> list[SegmentFacts]:
        """Return them in the order in which they are tried, the fallback last."""
        found = self._segments.get(key, {})
        tried = [] if experiment.strategy == "percentage" else [tier.segment_id for tier in experiment.tiers]
        if experiment.strategy == "segment" and experiment.fallback is not None:
            tried.append(None)
        facts = [(segment_id, found.get(segment_id, _Segment())) for segment_id in dict.fromkeys(tried)]
        return [SegmentFacts(segment_id, segment.events, len(segment.subjects)) for segment_id, segment in facts]


class _Segment:
    __slots__ = ("events", "subjects")

    def __init__(self) -> None:
        self.events = 0
        self.subjects: set[bytes] = set()


def is_overridden(decision: Decision) -> bool:
    """Tell whether the request said what it wants, also if there is no such thing."""
    return decision.method != "auto" or "experiment_not_found" in decision.warnings


def short_key(key: bytes) -> bytes:
    """Return the part of a subject's key that is kept: of a billion subjects, two share theirs by chance of 3 %."""
    return key[:8]
