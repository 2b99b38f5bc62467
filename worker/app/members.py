"""A worker of one process, or of several: each is a member of the group with ports and names of its own."""

from __future__ import annotations

import msgspec
import uvloop

from worker.app.processes import Outcome, Process, ProcessesError, prefork
from worker.app.run import Run, run_until_signalled
from worker.settings import Settings
from worker.telemetry import logs

_LAST_PORT = 65_535


def run_members(job: Run) -> Outcome:
    """Run the worker in as many processes as the settings say, until a signal; with several, returns in each of them.

    Raises:
        ProcessesError: there can't be so many.
        as `run_worker`, in the process whose worker it is.
    """
    count = job.settings.processes
    if count > 1:
        _check_ports(job.settings)
        match prefork(count):
            case Outcome() as outcome:
                return outcome
            case Process() as process:
                logs.bind_process(process=process.number)
                job = msgspec.structs.replace(job, settings=settings_of(job.settings, process.number), process=process)
    uvloop.run(run_until_signalled(job))
    return Outcome()


def settings_of(settings: Settings, number: int) -> Settings:
    """Return the settings of one of several processes: what only one can have is its own."""
    http, kafka = settings.http, settings.kafka
    port = http.port + number if http.port else 0
    instance = None if kafka.group_instance_id is None else f"{kafka.group_instance_id}-{number}"
    return settings.model_copy(
        update={
            "http": http.model_copy(update={"port": port}),
            "kafka": kafka.model_copy(update={"group_instance_id": instance}),
        }
    )


def _check_ports(settings: Settings) -> None:
    first, count = settings.http.port, settings.processes
    if first and first + count - 1 > _LAST_PORT:
        raise ProcessesError(
            f"http.port is {first} and processes is {count}, a port for each: expected http.port at most "
            f"{_LAST_PORT - count + 1}, or 0 (off)"
        )
