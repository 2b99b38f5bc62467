"""A replay's summary as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from worker.outputs import OUTPUT_KINDS


def show(summary: Mapping[str, Any], out: Path | None) -> None:
    """Print the summary to stdout; `out` is the folder that was written, None for a dry run."""
    console = Console()
    console.print(_headline(summary, out), highlight=False)
    tables = [
        _table(("outputs", "n"), _outputs(summary)),
        *map(_experiment, summary["experiments"]),
        _table(("decisions", "n"), summary["decisions"].items()),
        _table(("warnings", "n"), _warnings(summary)),
        _table(("dead letters", "n"), summary["dead_letters"].items()),
        _table(("skipped", "n"), summary["skipped"].items()),
        _handlers(summary["handlers"]),
        *_comparison(summary.get("comparison")),
    ]
    for table in tables:
        if table.row_count:
            console.print()
            console.print(table)
    if summary["dead_letters"]:
        where = "" if out is None else f" in {out}/dead_letters.ndjson, and"
        console.print(f"\nEach dead letter stands with its message{where} in the log with --log-level info.")


def _headline(summary: Mapping[str, Any], out: Path | None) -> str:
    rate = summary["events"] / summary["seconds"] if summary["seconds"] else 0
    where = "nothing written (dry run)" if out is None else f"written to {out}/"
    return f"[bold]{summary['events']:,} events[/bold] in {summary['seconds']:.1f} s ({rate:,.0f}/s), {where}"


def _outputs(summary: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for kind in OUTPUT_KINDS:
        yield kind, summary[kind]
    yield "dead letters", sum(summary["dead_letters"].values())
    yield "skipped", sum(summary["skipped"].values())


def _warnings(summary: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    yield from summary["warnings"].items()
    if summary["identity_conflicts"]:
        yield "identity_conflicts", summary["identity_conflicts"]


def _experiment(experiment: Mapping[str, Any]) -> Table:
    variations = experiment["variations"]
    total = sum(variation["subjects"] for variation in variations)
    tenant = f" ({experiment['tenant_id']})" if experiment["tenant_id"] else ""
    rows = (
        (
            variation["variation_id"] + (" (control)" if variation["is_control"] else ""),
            _share(variation["expected_share"]),
            _share(variation["subjects"] / total if total else None),
            variation["subjects"],
            variation["exposures"],
        )
        for variation in variations
    )
    return _table((experiment["experiment_id"] + tenant, "expected", "observed", "subjects", "exposures"), rows)


def _handlers(handlers: Iterable[Mapping[str, Any]]) -> Table:
    rows = (
        (
            f"{row['name']} {row['trigger']}",
            row["calls"],
            row["errors"] + row["timeouts"],
            row["commands"],
            row["enrollments"],
        )
        for row in handlers
    )
    return _table(("handler", "calls", "errors", "commands", "enrollments"), rows)


def _comparison(found: Mapping[str, Any] | None) -> Iterator[Table]:
    """Yield what would be different under the other definitions."""
    if found is None:
        return
    moves = [(f"{_given(each['from'])} → {_given(each['to'])}", each["subjects"]) for each in found["moves"]]
    yield _table(
        (f"under the other definitions {found['changed']:,} of {found['subjects']:,} change", "subjects"), moves
    )
    for title, name in (("split", "variation_id"), ("segments", "segment_id")):
        rows = [(f"{each['experiment_id']} {each[name]}", each["now"], each["then"]) for each in found[title]]
        yield _table((f"{title}, subjects", "now", "then"), rows)
    for title, name in (("commands", "method"), ("enrollments", "endpoint")):
        yield _table((title, "now", "then"), [(each[name], each["now"], each["then"]) for each in found[title]])


def _given(arm: Mapping[str, str] | None) -> str:
    return "none" if arm is None else f"{arm['experiment_id']} {arm['variation_id']}"


def _table(columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> Table:
    """Return a table whose numbers are always whole: where the terminal is narrow, the names fold."""
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(columns[0], overflow="fold")
    for index, column in enumerate(columns[1:], 1):
        width = max(len(column), *(len(row[index]) for row in cells)) if cells else len(column)
        table.add_column(column, justify="right", no_wrap=True, min_width=width)
    for row in cells:
        table.add_row(*row)
    return table


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
