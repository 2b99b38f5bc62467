"""A replay's summary as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from worker.cli.tables import print_tables, table
from worker.outputs import OUTPUT_KINDS


def show(summary: Mapping[str, Any], out: Path | str | None) -> None:
    """Print the summary to stdout; `out` is the folder or topics that were written, None for a dry run."""
    console = Console()
    console.print(_headline(summary, out), highlight=False)
    tables = [
        table(("outputs", "n"), _outputs(summary)),
        *map(_experiment, summary["experiments"]),
        table(("decisions", "n"), summary["decisions"].items()),
        table(("warnings", "n"), _warnings(summary)),
        table(("dead letters", "n"), summary["dead_letters"].items()),
        table(("skipped", "n"), summary["skipped"].items()),
        _handlers(summary["handlers"]),
    ]
    print_tables(console, tables)
    if summary["dead_letters"]:
        where = f" in {out}/dead_letters.ndjson, and" if isinstance(out, Path) else ""
        console.print(f"\nEach dead letter stands with its message{where} in the log with --log-level info.")


def _headline(summary: Mapping[str, Any], out: Path | str | None) -> str:
    rate = summary["events"] / summary["seconds"] if summary["seconds"] else 0
    match out:
        case None:
            where = "no outputs written (dry run)"
        case str():
            where = f"written to the topics {out}"
        case _:
            where = f"written to {out}/"
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
    return table((experiment["experiment_id"] + tenant, "expected", "observed", "subjects", "exposures"), rows)


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
    return table(("handler", "calls", "errors", "commands", "enrollments"), rows)


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
