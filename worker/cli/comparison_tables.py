"""What other definitions would change, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from worker.cli.tables import print_tables, table

Row = Mapping[str, Any]
_KINDS = {
    "changed": "would get another variation",
    "gained": "would get a variation",
    "lost": "would lose theirs",
    "reconfigured": "would keep theirs, configured otherwise",
    "moved": "would keep theirs in another experiment",
}
_SAME = {"unchanged": " (the same)", "moved": " (the same)", "reconfigured": " (configured otherwise)"}


def show_comparison(comparison: Row) -> None:
    """Print the summary's `comparison` to stdout."""
    console = Console()
    console.print()
    console.print(_headline(comparison), highlight=False)
    print_tables(console, _tables(comparison))


def _headline(comparison: Row) -> str:
    subjects = comparison["subjects"]
    active = f" with {comparison['activated']} active" if comparison["activated"] else ""
    noticed = f"{subjects['affected']:,} of {subjects['compared']:,} subjects would get something else"
    parts = [f"{subjects[kind]:,} {text}" for kind, text in _KINDS.items() if subjects[kind]]
    return f"[bold]What if[/bold] {escape(comparison['definitions'] + active)}: {'; '.join([noticed, *parts])}"


def _tables(comparison: Row) -> Iterator[Table]:
    yield table(("now → then", "subjects", "events"), map(_change, comparison["changes"]))
    yield table(("variation", "now", "then"), map(_variation, comparison["variations"]))
    yield table(("segment", "now", "then"), map(_segment, comparison["segments"]))
    for title, name, rows in (("command", "method", "commands"), ("enrollment", "endpoint", "enrollments")):
        cells = ((row[name], row["configured"], row["other"], row["gained"], row["lost"]) for row in comparison[rows])
        yield table((title, "now", "then", "gained", "lost"), cells)


def _change(row: Row) -> tuple[str, int, int]:
    examples = f"\n  for example {' '.join(row['examples'])}" if row["examples"] else ""
    same = _SAME.get(row["kind"], "")
    return f"{_given(row['before'])} → {_given(row['after'])}{same}{examples}", row["subjects"], row["events"]


def _given(given: Row | None) -> str:
    return "none" if given is None else f"{given['experiment_id']}/{given['variation_id']}"


def _variation(row: Row) -> tuple[Any, ...]:
    return _given(row), *(row[side]["subjects"] if row[side] else "-" for side in ("configured", "other"))


def _segment(row: Row) -> tuple[str, int, int]:
    return f"{row['experiment_id']}/{row['segment_id'] or 'fallback'}", row["configured"], row["other"]
