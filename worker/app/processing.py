"""What a replay and the worker have in common: the pipeline that the settings describe, its clock, its dead letters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from worker.experiments.claims import AssignmentStore
from worker.experiments.decide import Engine
from worker.experiments.definitions import Snapshot
from worker.experiments.subjects import SubjectKeys
from worker.formats.decode import Limits
from worker.handlers.dispatch import Dispatcher
from worker.outputs import BatchResult
from worker.pipeline import UNWATCHED, Exposures, Pipeline, Watch
from worker.settings import Settings
from worker.telemetry import logs
from worker.trigger import Trigger


def new_pipeline(
    settings: Settings,
    keys: SubjectKeys,
    snapshot: Callable[[], Snapshot],
    store: AssignmentStore,
    dispatcher: Dispatcher,
    *,
    wants: Callable[[Trigger], bool] | None = None,
    watch: Watch = UNWATCHED,
) -> Pipeline:
    """Return the pipeline that the settings describe; `snapshot`, `wants` and `watch` as `Pipeline` takes them."""
    return Pipeline(
        engine_of(settings, keys),
        snapshot,
        store,
        dispatcher,
        limits=Limits(settings.input.max_bytes, settings.input.max_depth),
        exposures=Exposures(settings.exposures.when, settings.exposures.repeat),
        wants=wants,
        watch=watch,
    )


def engine_of(settings: Settings, keys: SubjectKeys) -> Engine:
    """Return the engine that decides with those keys."""
    _, *device_path = settings.subjects.device_path.split(".")
    return Engine(keys, tuple(device_path))


def now() -> str:
    """Return the time of a dead letter (RFC 3339, UTC, milliseconds)."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def log_dead_letters(result: BatchResult) -> None:
    """Log a line for each dead letter of a batch: its place and the reason."""
    for letter in result.dead_letters:
        source, reason, message = letter.record.source, letter.reason, letter.message
        logs.info("dead_letter", source=source, reason=reason, stage=letter.stage, message=message)
