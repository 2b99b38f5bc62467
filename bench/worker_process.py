"""The worker as `run` starts it, telling when it has committed how many events.

`python -m bench.worker_process` takes its settings from the environment, runs until SIGTERM and prints a line for each
batch: its process, the time in seconds (of one clock for all processes) and its events. A process's first line has
none: the first fetch.
"""

from __future__ import annotations

import os
import sys
import time

from worker.app.loading import handlers, load_definitions
from worker.app.members import run_members
from worker.app.run import Run
from worker.app.store import redis_store
from worker.settings import load
from worker.streams.kafka.lane import Done
from worker.telemetry.logs import configure


def main() -> int:
    """Run until SIGTERM; return the exit code."""
    configure("error")
    settings = load().settings
    assert settings.definitions.path is not None
    snapshot = load_definitions([settings.definitions.path]).snapshot
    assert snapshot is not None
    teller = _Teller()
    job = Run(settings, snapshot, handlers(settings), redis_store, teller.reached, teller.done)
    outcome = run_members(job)
    if outcome.message is not None:
        print(outcome.message, file=sys.stderr)
    return outcome.code


class _Teller:
    def __init__(self) -> None:
        self._began = False

    def reached(self, _partition: object, step: str) -> None:
        if step == "fetched" and not self._began:
            self._began = True
            self._tell(0)

    def done(self, _partition: object, done: Done) -> None:
        self._tell(len(done.timestamps))

    def _tell(self, events: int) -> None:
        sys.stdout.write(f"{os.getpid()} {time.monotonic()} {events}\n")  # at once: another process writes as well
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
