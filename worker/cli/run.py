"""`run`: the worker on Kafka and Redis."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.cli.options import (
    FOUND_SOMETHING_WRONG,
    Config,
    DefinitionsPath,
    HandlerPaths,
    Log,
    LogLevel,
    refuse,
)
from worker.cli.session import handlers_or_refuse, settings_or_refuse, snapshot_or_refuse


def run(
    definitions: DefinitionsPath = None,
    handlers: HandlerPaths = None,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes",
            metavar="N",
            help="How many processes, a core for each. [processes]",
            show_default="1",
        ),
    ] = None,
    config: Config = None,
    log_level: Log = LogLevel.INFO,
) -> None:
    """Run the worker: trigger events from Kafka, sticky assignments in Redis, outputs to Kafka, exactly once.

    Reads `topics.triggers`, gives each event its experiment context, runs the handlers, and writes enriched events,
    exposures, enrollments, commands, assignments and dead letters in one transaction with the offsets. Start as many
    as the topic has partitions, as `--processes` of one command or as commands of their own; they share the work.
    Process 0, 1, … answers probes on `http.port` + 0, 1, …; when one of them fails, all stop. SIGTERM or Ctrl-C
    finishes what is held and leaves; a second one ends at once. The topics must be there: `experiment-worker topics
    create`.

    Example: `WORKER_SUBJECTS__PEPPER=… experiment-worker run --config worker.toml --processes 4`
    """
    from worker.app.members import run_members
    from worker.app.processes import ProcessesError
    from worker.app.run import Run, WorkerFailedError
    from worker.app.store import redis_store, redis_trials
    from worker.stores.redis_errors import StoreRefusedError, StoreUnavailableError
    from worker.streams.kafka.cluster import ClusterError
    from worker.telemetry.health import HealthServerError

    flags = {
        ("definitions", "path"): (definitions, "--definitions"),
        ("handlers",): (handlers, "--handlers"),
        ("processes",): (processes, "--processes"),
    }
    settings = settings_or_refuse(config, log_level, flags).settings
    if settings.subjects.pepper is None:
        refuse("subjects.pepper is not set, expected a secret: WORKER_SUBJECTS__PEPPER in the environment")
    job = Run(
        settings, snapshot_or_refuse(settings), handlers_or_refuse(settings), redis_store, open_trials=redis_trials
    )
    try:
        outcome = run_members(job)
    except (ProcessesError, ClusterError, StoreRefusedError, StoreUnavailableError, HealthServerError) as error:
        refuse(str(error))
    except WorkerFailedError as error:
        refuse(f"the worker stopped: {error}", FOUND_SOMETHING_WRONG)
    if outcome.message is not None:
        refuse(outcome.message, outcome.code)
    raise typer.Exit(outcome.code)
