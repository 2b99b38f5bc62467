"""What every job loads, and how it lives: definitions, handlers, the garbage collector's pace."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from worker.experiments.definitions import Snapshot
from worker.experiments.parse import Loaded, parse
from worker.handlers.load import load_handlers
from worker.handlers.registry import Registry
from worker.settings import Settings
from worker.telemetry import logs

_SUFFIXES = (".yaml", ".yml", ".json")


class MissingDefinitionsError(Exception):
    """There are no definitions to read; the message names the path and what was expected."""


def load_definitions(paths: Sequence[Path], *, active: str | None = None) -> Loaded:
    """Read and check definitions files, and folders of them at any depth (hidden files left out).

    `active` is an experiment to treat as active, whatever its status.

    Raises:
        MissingDefinitionsError: a path is missing, unreadable, of another kind, or an empty folder.
        UnknownExperimentError: `active` is none of the experiments.
    """
    files = [file for path in paths for file in _definition_files(path)]
    try:
        return parse([(str(file), file.read_bytes()) for file in files], active=active)
    except OSError as error:
        raise MissingDefinitionsError(f"{error.filename}: can't be read: {error.strerror}") from error


def _definition_files(path: Path) -> list[Path]:
    if path.is_dir():
        below = sorted(file.relative_to(path) for file in path.rglob("*") if file.suffix in _SUFFIXES)
        found = [path / file for file in below if not any(part.startswith(".") for part in file.parts)]
        if not found:
            raise MissingDefinitionsError(
                f"{path}: no definitions in this folder, expected {', '.join(_SUFFIXES)} files"
            )
        return found
    if not path.exists():
        raise MissingDefinitionsError(f"{path}: no such file or folder, expected definitions (YAML or JSON)")
    if path.suffix not in _SUFFIXES:
        raise MissingDefinitionsError(f"{path}: expected definitions in a {', '.join(_SUFFIXES)} file")
    return [path]


def handlers(settings: Settings) -> Registry:
    """Load the handlers that the settings name."""
    return load_handlers(settings.handlers, base=Path.cwd())


def warn_of_idle_handlers(snapshot: Snapshot, registry: Registry) -> None:
    """Log handlers for experiments that no definitions have."""
    known = {experiment for tenant in snapshot.tenants.values() for experiment in tenant.experiments}
    for handler in (each for handlers in registry.handlers.values() for each in handlers):
        wanted = handler.options.experiment
        if wanted is not None and wanted not in known:
            logs.warning("handler_without_experiment", handler=handler.name, place=handler.place, experiment=wanted)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Let the garbage collector look less often: events make many objects and no cycles."""
    before = gc.get_threshold()
    gc.freeze()  # what is loaded stays
    gc.set_threshold(100_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
