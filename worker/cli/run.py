"""`run`: the worker on Kafka and Redis."""

from __future__ import annotations

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
    config: Config = None,
    log_level: Log = LogLevel.INFO,
) -> None:
    """Run the worker: trigger events from Kafka, sticky assignments in Redis, outputs to Kafka, exactly once.

    Reads `topics.triggers`, gives each event its experiment context, runs the handlers, and writes enriched events,
    exposures, enrollments, commands, assignments and dead letters in one transaction with the offsets. Start as many
    as the topic has partitions; they share the work. SIGTERM or Ctrl-C finishes what is held and leaves; a second one
    ends at once. The topics must be there: `experiment-worker topics create`.

    Example: `WORKER_SUBJECTS__PEPPER=… experiment-worker run --config worker.toml`
    """
    import uvloop

    from worker.app.run import Run, WorkerFailedError, run_until_signalled
    from worker.app.store import redis_store
    from worker.stores.redis_errors import StoreRefusedError, StoreUnavailableError
    from worker.streams.kafka.cluster import ClusterError
    from worker.telemetry.health import HealthServerError

    flags = {
        ("definitions", "path"): (definitions, "--definitions"),
        ("handlers",): (handlers, "--handlers"),
    }
    settings = settings_or_refuse(config, log_level, flags).settings
    if settings.subjects.pepper is None:
        refuse("subjects.pepper is not set, expected a secret: WORKER_SUBJECTS__PEPPER in the environment")
    job = Run(settings, snapshot_or_refuse(settings), handlers_or_refuse(settings), redis_store)
    try:
        uvloop.run(run_until_signalled(job))
    except (ClusterError, StoreRefusedError, StoreUnavailableError, HealthServerError) as error:
        refuse(str(error))
    except WorkerFailedError as error:
        refuse(f"the worker stopped: {error}", FOUND_SOMETHING_WRONG)
