"""What commands do before their work: read the settings and load what they name, or end with one clear message."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from worker.cli.options import FOUND_SOMETHING_WRONG, LogLevel, refuse

if TYPE_CHECKING:
    from worker.experiments.definitions import Snapshot
    from worker.experiments.findings import Finding
    from worker.handlers.registry import Registry
    from worker.settings import Loaded, Settings

Flags = Mapping[tuple[str, ...], tuple[Any, str]]


def settings_or_refuse(file: Path | None, log_level: LogLevel, flags: Flags | None = None) -> Loaded:
    """Load the settings and set up the logs; flags that were not given, or are empty lists, are no layer."""
    from worker.settings import WrongSettingsError, load
    from worker.telemetry.logs import configure

    configure(log_level)
    try:
        return load(file, {path: given for path, given in (flags or {}).items() if given[0] not in (None, [])})
    except WrongSettingsError as error:
        refuse(str(error))


def snapshot_or_refuse(settings: Settings) -> Snapshot:
    """Load the definitions of the settings; errors in them are printed and end the command."""
    path = settings.definitions.path
    if path is None:
        refuse("definitions.path is not set, expected a definitions file or folder: --definitions PATH")
    return definitions_or_refuse(path)


def definitions_or_refuse(path: Path, *, active: str | None = None, code: int = FOUND_SOMETHING_WRONG) -> Snapshot:
    """Load a file or folder of definitions; errors in them are printed and end the command with that code.

    `active` is an experiment to treat as active, whatever its status.
    """
    from worker.app.loading import MissingDefinitionsError, load_definitions
    from worker.experiments.activate import UnknownExperimentError
    from worker.telemetry import logs

    try:
        loaded = load_definitions([path], active=active)
    except MissingDefinitionsError as error:
        refuse(str(error))
    except UnknownExperimentError as error:
        refuse(f"--activate: {path}: {error}")
    if loaded.snapshot is None:
        for finding in loaded.findings:
            typer.echo(describe(finding), err=True)
        with_active = f" with {active} active" if active else ""
        refuse(f"the definitions have errors{with_active}: nothing was started", code)
    for finding in loaded.findings:
        logs.warning(
            "definitions_warning",
            file=finding.file,
            entity=finding.entity_id,
            code=finding.code,
            message=finding.message,
        )
    return loaded.snapshot


def handlers_or_refuse(settings: Settings) -> Registry:
    """Load the handlers."""
    from worker.app.loading import handlers
    from worker.handlers.load import HandlersNotLoadedError

    try:
        return handlers(settings)
    except HandlersNotLoadedError as error:
        refuse(str(error))


def describe(finding: Finding) -> str:
    """Return a finding as a line."""
    entity = f" {finding.entity_id}" if finding.entity_id else ""
    return f"{finding.severity}: {finding.file}:{entity} {finding.code}: {finding.message}"
