"""`validate`: check definitions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.options import FOUND_SOMETHING_WRONG, Config, Json, Log, LogLevel, refuse
from worker.cli.session import describe, settings_or_refuse

if TYPE_CHECKING:
    from worker.experiments.definitions import Snapshot


def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Definitions: YAML or JSON files, or folders.")],
    config: Config = None,
    log_level: Log = LogLevel.WARNING,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 on warnings too.")] = False,
    json: Json = False,
) -> None:
    """Check definitions: flags, variations, segments, experiments. All findings are reported, not the first.

    The files are read together, as a worker would: references may cross files. Exit 1 if a finding is an error.

    Example: `experiment-worker validate definitions/ --strict`
    """
    import orjson

    from worker.app.loading import MissingDefinitionsError, load_definitions

    settings_or_refuse(config, log_level)
    try:
        loaded = load_definitions(files)
    except MissingDefinitionsError as error:
        refuse(str(error))
    errors = sum(finding.severity == "error" for finding in loaded.findings)
    warnings = len(loaded.findings) - errors
    if json:
        typer.echo(orjson.dumps({"findings": loaded.findings}, option=orjson.OPT_INDENT_2))
    else:
        for finding in loaded.findings:
            typer.echo(describe(finding))
        typer.echo(f"{_count(errors, 'error')}, {_count(warnings, 'warning')}{_served(loaded.snapshot)}")
    if errors or (strict and warnings):
        raise typer.Exit(FOUND_SOMETHING_WRONG)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _served(snapshot: Snapshot | None) -> str:
    """Say what would be served: a set without an active experiment is right, and often a mistake."""
    if snapshot is None:
        return ""
    statuses = [each.status for tenant in snapshot.tenants.values() for each in tenant.experiments.values()]
    return f"; {_count(len(statuses), 'experiment')}, {statuses.count('active')} active"
