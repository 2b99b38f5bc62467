"""The section of the comparison: what other definitions would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from worker.report.html import Child, Html, el, join
from worker.report.tables import Text, table
from worker.report.words import number, percent, several

Row = Mapping[str, Any]
KINDS = {
    "changed": "another variation",
    "gained": "a variation instead of none",
    "lost": "none instead of a variation",
    "reconfigured": "the same variation, configured otherwise",
    "moved": "the same, in another experiment",
    "unchanged": "the same",
}
"""What each kind of change means."""


def what_if(comparison: Row) -> Html:
    """Return the section."""
    return el(
        "section",
        el("h2", "What if", id="what-if"),
        el("p", "The same log under ", _set(comparison), ", compared with the configured definitions."),
        _headline(comparison["subjects"]),
        _changes(comparison["changes"]),
        _variations(comparison["variations"]),
        _segments(comparison["segments"]),
        _asked("Commands", "Method", "method", comparison["commands"]),
        _asked("Enrollments", "Endpoint", "endpoint", comparison["enrollments"]),
        _footnotes(comparison),
    )


def _set(comparison: Row) -> Html:
    activated = comparison["activated"]
    return join(
        [
            el("code", comparison["definitions"]),
            join([" with ", el("code", activated), " active"]) if activated else None,
        ]
    )


def _headline(subjects: Row) -> Html:
    compared, affected = subjects["compared"], subjects["affected"]
    share = percent(affected / compared) if compared else "0%"
    headline = el(
        "strong", f"{number(affected)} of {several(compared, 'subject')} ({share}) would get something else. "
    )
    parts = [f"{number(subjects[kind])} would get {KINDS[kind]}" for kind in KINDS if subjects.get(kind)]
    return el(
        "p", headline, "; ".join(parts) + "." if parts else "Nothing would change for them.", class_="verdict info"
    )


def _changes(changes: Sequence[Row]) -> Html:
    rows: list[list[Child]] = [
        [
            _given(each["before"]),
            _given(each["after"]),
            KINDS[each["kind"]],
            each["subjects"],
            each["events"],
            join(el("code", example, " ") for example in each["examples"]),
        ]
        for each in changes
    ]
    columns = ("Now", Text("Then"), Text("Which is"), "Subjects", "Events", Text("For example"))
    return join([el("h3", "Who would get what"), table("Who would get what", columns, rows, hidden=True)])


def _given(given: Row | None) -> Html:
    if given is None:
        return el("span", "none", class_="quiet")
    return join([el("code", given["variation_id"]), el("span", given["experiment_id"], class_="under")])


def _variations(variations: Sequence[Row]) -> Html | None:
    totals = {side: _totals(variations, side) for side in ("configured", "other")}

    def share(row: Row, side: str) -> str:
        total = totals[side].get((row["tenant_id"], row["experiment_id"]))
        return percent(row[side]["subjects"] / total) if row[side] and total else "—"

    rows: list[list[Child]] = [
        [
            _given(row),
            row["configured"]["subjects"] if row["configured"] else "—",
            share(row, "configured"),
            row["other"]["subjects"] if row["other"] else "—",
            share(row, "other"),
        ]
        for row in variations
    ]
    columns = ("Variation", "Subjects now", "Share now", "Subjects then", "Share then")
    return join([el("h3", "Split under both"), table("Split under both", columns, rows, hidden=True)])


def _totals(variations: Sequence[Row], side: str) -> dict[tuple[str | None, str], int]:
    totals: dict[tuple[str | None, str], int] = {}
    for row in variations:
        key = (row["tenant_id"], row["experiment_id"])
        totals[key] = totals.get(key, 0) + (row[side]["subjects"] if row[side] else 0)
    return totals


def _segments(segments: Sequence[Row]) -> Html | None:
    if not segments:
        return None
    rows: list[list[Child]] = [
        [
            join([el("code", row["segment_id"] or "fallback"), el("span", row["experiment_id"], class_="under")]),
            row["configured"],
            row["other"],
        ]
        for row in segments
    ]
    columns = ("Segment", "Subjects now", "Subjects then")
    return join([el("h3", "Segments under both"), table("Segments under both", columns, rows, hidden=True)])


def _asked(heading: str, column: str, name: str, rows: Sequence[Row]) -> Html | None:
    if not rows:
        return None
    cells: list[list[Child]] = [
        [
            el("code", row[name]),
            row["configured"],
            row["other"],
            _signed("+", row["gained"]),
            _signed("−", row["lost"]),  # noqa: RUF001 - a minus sign
        ]
        for row in rows
    ]
    title = f"{heading} gained and lost"
    return join([el("h3", title), table(title, (column, "Now", "Then", "Gained", "Lost"), cells, hidden=True)])


def _signed(sign: str, count: int) -> str:
    return f"{sign}{number(count)}" if count else "0"


def _footnotes(comparison: Row) -> Html:
    dead = comparison["dead_letters"]
    return el(
        "p",
        "Each of the two begins with no assignments. A subject whose events would change in several ways counts in "
        f"each row. {several(comparison['overridden'], 'overridden event')} left out. Dead letters: "
        f"{number(dead['configured'])} now, {number(dead['other'])} then.",
        class_="quiet",
    )
