"""The sections of what happened besides: handlers, dead letters, skips and warnings, and where the time went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from worker.report.charts import bar
from worker.report.collect import Facts, Sample
from worker.report.html import Child, Html, el, join
from worker.report.masking import mask
from worker.report.tables import Text, table
from worker.report.words import DEAD_LETTERS, PARTS, percent

Counts = Mapping[str, int]


def handlers(summary: Mapping[str, Any], facts: Facts) -> Html:
    """Return what handlers were asked and what they asked for."""
    called: list[list[Child]] = [
        [
            join([el("code", each["name"]), el("span", each["trigger"], class_="under")]),
            each["calls"],
            each["errors"],
            each["timeouts"],
            each["commands"],
            each["enrollments"],
        ]
        for each in summary["handlers"]
    ]
    columns = ("Handler", "Calls", "Errors", "Timeouts", "Commands", "Enrollments")
    return el(
        "section",
        el("h2", "Handlers", id="handlers"),
        table("Handlers", columns, called, hidden=True) if called else el("p", "No handlers ran."),
        _commands(facts),
        _enrollments(facts.enrollments),
    )


def _commands(facts: Facts) -> Html | None:
    if not facts.commands:
        return None
    most = max(each.calls for each in facts.commands)
    rows: list[list[Child]] = [
        [el("code", each.method), el("code", each.handler), bar(each.calls / most, str(each.calls)), each.calls]
        for each in sorted(facts.commands, key=lambda each: -each.calls)
    ]
    columns = ("Method", Text("Handler"), Text("Of the most used"), "Commands")
    return join([el("h3", "Commands by method"), table("Commands by method", columns, rows, hidden=True)])


def _enrollments(endpoints: Counts) -> Html | None:
    if not endpoints:
        return None
    rows: list[list[Child]] = [[el("code", endpoint), count] for endpoint, count in _most_first(endpoints)]
    return join(
        [
            el("h3", "Enrollments by endpoint"),
            table("Enrollments by endpoint", ("Endpoint", "Enrollments"), rows, hidden=True),
        ]
    )


def dead_letters(counts: Counts, samples: Mapping[str, Sequence[Sample]]) -> Html:
    """Return how many inputs could not be processed, why, and the first of each kind without their values."""
    rows: list[list[Child]] = [
        [el("code", reason), DEAD_LETTERS.get(reason, ""), count]  # type: ignore[call-overload] # reasons are its keys
        for reason, count in _most_first(counts)
    ]
    columns = ("Reason", Text("Meaning"), "Dead letters")
    return el(
        "section",
        el("h2", "Dead letters", id="dead-letters"),
        table("Dead letters by reason", columns, rows, hidden=True)
        if rows
        else el("p", "None: all could be processed."),
        _samples(counts, samples),
    )


def _samples(counts: Counts, samples: Mapping[str, Sequence[Sample]]) -> Html | None:
    rows: list[list[Child]] = [
        [el("code", each.source), el("code", reason), each.stage, each.message]
        for reason, _ in _most_first(counts)
        for each in samples.get(reason, ())
    ]
    if not rows:
        return None
    columns = ("Source", Text("Reason"), Text("Stage"), Text("Message"))
    return join([el("h3", "The first of each"), table("The first of each", columns, rows, hidden=True)])


def skips(summary: Mapping[str, Any]) -> Html:
    """Return what was left out on purpose, and what was warned of."""
    conflicts = {"identity_conflicts": summary["identity_conflicts"]} if summary["identity_conflicts"] else {}
    return el(
        "section",
        el("h2", "Skipped, decided, warned of", id="skipped"),
        el(
            "div",
            _listed("Skipped", "Kind", summary["skipped"], "Nothing was skipped."),
            _listed("Decisions", "Reason", summary["decisions"], "Nothing was decided."),
            _listed("Warnings", "Code", {**summary["warnings"], **conflicts}, "No warnings."),
            class_="columns",
        ),
    )


def _listed(heading: str, column: str, counts: Counts, nothing: str) -> Html:
    rows: list[list[Child]] = [[el("code", mask(name)), count] for name, count in _most_first(counts)]
    found = table(heading, (column, "Events"), rows, hidden=True) if rows else el("p", nothing, class_="quiet")
    return el("div", el("h3", heading), found)


def speed(events: int, parts: Mapping[str, float], handlers: Mapping[tuple[str, str], float]) -> Html:
    """Return where the time went, the slowest part and the slowest handler first."""
    total = sum(parts.values()) or 1.0
    by_part = [(PARTS.get(part, part), spent) for part, spent in parts.items()]
    by_handler = [
        (join([el("code", name), el("span", trigger, class_="under")]), spent)
        for (name, trigger), spent in sorted(handlers.items())
    ]
    return el(
        "section",
        el("h2", "Where the time went", id="speed"),
        _times("Part", by_part, total, events),
        join([el("h3", "Handlers"), _times("Handler", by_handler, total, events)]) if by_handler else None,
        el("p", "Measured by batch. All else on this page is the same whenever the log is replayed.", class_="quiet"),
    )


def _times(what: str, spent: Sequence[tuple[Child, float]], total: float, events: int) -> Html:
    def row(name: Child, seconds: float) -> list[Child]:
        each = f"{seconds / events * 1e6:.1f} µs" if events else "—"
        return [name, bar(seconds / total, percent(seconds / total)), f"{seconds:.3f} s", each]

    rows = [row(*each) for each in sorted(spent, key=lambda each: -each[1])]
    columns = (what, Text("Share of the whole"), "Time", "Per event read")
    return table(f"Time by {what.lower()}", columns, rows, hidden=True)


def _most_first(counts: Counts) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
