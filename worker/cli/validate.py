"""`validate`: check definitions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.options import FOUND_SOMETHING_WRONG, Config, Json, Log, LogLevel, refuse
from worker.cli.session import describe, settings_or_refuse


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

    from worker.app import MissingDefinitionsError, load_definitions

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
        typer.echo(f"{errors} errors, {warnings} warnings")
    if errors or (strict and warnings):
        raise typer.Exit(FOUND_SOMETHING_WRONG)
