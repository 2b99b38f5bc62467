"""What a report is made of, added up batch by batch: memory grows with experiments and time, not with events."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import NamedTuple

import msgspec

from worker.formats.fields import parse_rfc3339
from worker.outputs import BatchResult, DeadLetter
from worker.report.timeline import Timeline

_SAMPLES = 3
_SHOWN = 72
_LETTER, _DIGIT = re.compile(rb"[A-Za-z]"), re.compile(rb"[0-9]")


class Given(NamedTuple):
    """A variation of an experiment, as exposures name it."""

    tenant: str | None
    experiment_id: str
    variation_id: str


class Sample(NamedTuple):
    """A dead letter: where it came from, why, and the shape of its value without its letters and digits."""

    source: str
    message: str
    shape: str


class _Exposure(msgspec.Struct):
    experiment_id: str
    variation_id: str
    segment_id: str | None
    tenant_id: str | None
    subject: str | None
    occurred_at: str | None


class _Call(msgspec.Struct):
    method: str


class _Commands(msgspec.Struct):
    commands: list[_Call]


class _Enrollment(msgspec.Struct):
    endpoint: str


class Collected:
    """The figures of a run that the summary does not have."""

    def __init__(self) -> None:
        self.exposures: Timeline[Given] = Timeline()
        self.undated = 0
        self.segments: Counter[tuple[str, str, str]] = Counter()  # experiment, segment, variation
        self.reasons: dict[str, Counter[str]] = defaultdict(Counter)  # of decisions, by experiment
        self.methods: Counter[str] = Counter()
        self.endpoints: Counter[str] = Counter()
        self.samples: dict[str, list[Sample]] = {}
        self.seconds: dict[str, float] = defaultdict(float)  # by part of the work

    def add(self, result: BatchResult) -> None:
        """Add a batch."""
        for output in result.outputs["exposures"]:
            self._expose(exposure_of(output.value))
        for output in result.outputs["commands"]:
            self.methods.update([call.method for call in commands_of(output.value).commands])
        for output in result.outputs["enrollments"]:
            self.endpoints[enrollment_of(output.value).endpoint] += 1
        for (experiment, reason), times in result.tallies.decided.items():
            if experiment is not None:
                self.reasons[experiment][reason] += times
        for letter in result.dead_letters:
            self._sample(letter)

    def handler(self, name: str, _trigger: str, seconds: float) -> None:
        """Note how long a handler took for an event."""
        self.seconds[f"handler {name}"] += seconds

    def _expose(self, exposure: _Exposure) -> None:
        experiment, variation = exposure.experiment_id, exposure.variation_id
        if exposure.segment_id is not None:
            self.segments[experiment, exposure.segment_id, variation] += 1
        if exposure.occurred_at is None:
            self.undated += 1
        else:
            self.exposures.add(parse_rfc3339(exposure.occurred_at), Given(exposure.tenant_id, experiment, variation))

    def _sample(self, letter: DeadLetter) -> None:
        samples = self.samples.setdefault(letter.reason, [])
        if len(samples) < _SAMPLES:
            samples.append(Sample(letter.record.source, letter.message, shape(letter.record.value)))


exposure_of = msgspec.json.Decoder(_Exposure).decode
commands_of = msgspec.json.Decoder(_Commands).decode
enrollment_of = msgspec.json.Decoder(_Enrollment).decode


def shape(value: bytes) -> str:
    """Return how a value begins, every letter as x and every digit as 0: what it is made of, not what it says."""
    masked = _DIGIT.sub(b"0", _LETTER.sub(b"x", value[:_SHOWN]))
    text = "".join(character if character.isprintable() else "·" for character in masked.decode("ascii", "replace"))
    return text.replace("\N{REPLACEMENT CHARACTER}", "·") + ("…" if len(value) > _SHOWN else "")
