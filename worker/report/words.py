"""Numbers, times and findings in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from worker.experiments.vocabulary import Reason
from worker.outputs import OutputKind
from worker.records import DeadLetterReason
from worker.report.statistics import SURE_ENOUGH, SampleRatio

REASONS: Mapping[Reason, str] = {
    "split": "drawn by weight",
    "sticky": "what the subject was given before",
    "linked": "what another name of the same person was given before",
    "reassigned": "drawn anew: the variation before is no longer allocated",
    "segment": "the first segment that holds",
    "fallback": "no segment holds",
    "explicit": "the request named the experiment",
    "forced": "the request named the variation or the segment",
    "store_down": "drawn without the store",
    "no_experiment": "none: nothing runs for the tenant",
    "no_subject": "none: the event names nobody",
    "not_in_ramp": "none: the ramp leaves the subject out",
    "paused": "none: paused, no new assignments",
    "not_found": "none: an override names what is not there",
}
"""What each reason of a decision means."""

DEAD_LETTERS: Mapping[DeadLetterReason, str] = {
    "empty": "no key and no value",
    "too_large": "longer than the limit",
    "invalid_utf8": "bytes that are no UTF-8",
    "not_json": "no JSON",
    "too_deep": "nested too deep",
    "lone_surrogate": "half of a character",
    "not_an_object": "JSON, but no object",
    "unknown_format": "of no format that is read",
    "unknown_trigger": "of a trigger that is not known",
    "invalid_event": "a field of the wrong type",
    "handler_failed": "a handler raised",
    "handler_timeout": "a handler took too long",
    "output_too_large": "what came out does not fit",
    "crashed": "processing it ended the process",
}
"""What each reason of a dead letter means."""

OUTPUTS: Mapping[OutputKind, str] = {
    "enriched": "enriched events",
    "exposures": "exposures",
    "enrollments": "enrollments",
    "commands": "events with commands",
    "assignments": "assignments",
}
"""What each kind of output is called."""

PARTS: Mapping[str, str] = {
    "read": "reading the logs",
    "decode": "decoding",
    "decide": "deciding",
    "claim": "asking the store",
    "handlers": "handlers",
    "emit": "making the outputs",
    "compare": "the other definitions",
    "report": "collecting for this page",
    "write": "writing",
}
"""What each part of a batch's walk is called."""

_UNITS = ((7 * 86_400, "week"), (86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_DAY = 86_400
_EARLIEST = datetime.min.replace(tzinfo=UTC).timestamp()  # a step may begin before what a calendar has
_LATEST = datetime.max.replace(tzinfo=UTC, microsecond=0).timestamp()


def number(value: int) -> str:
    """Write a count."""
    return f"{value:,}"


def several(value: int, noun: str) -> str:
    """Write a count with its noun."""
    return f"{value:,} {noun}" if value == 1 else f"{value:,} {noun}s"


def percent(share: float | None) -> str:
    """Write a share (0 to 1)."""
    return "—" if share is None else f"{share:.1%}"


def probability(p: float) -> str:
    """Write a p-value."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"  # noqa: PLR2004 - what four digits can show


def length(seconds: int) -> str:
    """Write a length of time by the largest unit that divides it: `6 hours`, `day`."""
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return unit if seconds == size else f"{seconds // size} {unit}s"


def moment(seconds: float, step: int = 60) -> str:
    """Write a time in UTC, as exactly as steps of that length need it."""
    text = datetime.fromtimestamp(min(max(seconds, _EARLIEST), _LATEST), UTC).isoformat(" ")
    shown = "2026-01-05" if step % _DAY == 0 else "2026-01-05 00:00" if step % 60 == 0 else "2026-01-05 00:00:00"
    return text[: len(shown)]


def sample_ratio(check: SampleRatio) -> str:
    """Say what the check of a split found, and what to make of it."""
    match check.verdict:
        case "no_ratio":
            return "One variation gets everybody: there is no ratio to check."
        case "too_few":
            return (
                f"Too few to tell: {several(check.total, 'first assignment')}, at least {number(check.needed)} needed "
                "before the check says anything."
            )
        case "mismatch" if check.statistic is None:
            return "A variation of weight 0 was drawn: these definitions can't have made these assignments."
        case "mismatch":
            return (
                f"Chance alone is this far from the weights less than {SURE_ENOUGH * 1000:.0f} time in 1,000 "
                f"({_test(check)}). Don't compare the variations before the cause is found: logs that miss events, a "
                "log filtered by what happened after the assignment, or identifiers that are not people's."
            )
        case "as_meant":
            return (
                f"Chance alone is this far from the weights, or farther, {_how_often(check.p or 0.0)} ({_test(check)})."
            )


def _test(check: SampleRatio) -> str:
    degrees = several(check.freedom or 0, "degree")
    return f"χ² = {check.statistic:.2f}, {degrees} of freedom, {probability(check.p or 0.0)}"


def _how_often(p: float) -> str:
    return f"{p * 100:.0f} times in 100" if p >= 0.1 else f"{p * 1000:.0f} times in 1,000"  # noqa: PLR2004 - two digits
