"""The worker as `run` starts it, until it has processed so many events.

`python -m bench.worker_process EVENTS` takes its settings from the environment and prints the seconds from the first
record to the last commit.
"""

from __future__ import annotations

import sys
import time

import uvloop

from worker.app.loading import handlers, load_definitions
from worker.app.run import Ending, Run, run_worker
from worker.app.store import redis_store
from worker.settings import load
from worker.streams.kafka.lane import Done
from worker.telemetry.logs import configure


async def process(events: int) -> float:
    """Run until so many events are committed."""
    configure("error")
    settings = load().settings
    assert settings.definitions.path is not None
    snapshot = load_definitions([settings.definitions.path]).snapshot
    assert snapshot is not None
    ending, stopwatch = Ending(), _Stopwatch(events)
    stopwatch.ending = ending
    job = Run(settings, snapshot, handlers(settings), redis_store, stopwatch.reached, stopwatch.done)
    await run_worker(job, ending)
    return stopwatch.last - stopwatch.first


class _Stopwatch:
    def __init__(self, events: int) -> None:
        self._left = events
        self.first = self.last = 0.0
        self.ending: Ending | None = None

    def reached(self, _partition: object, step: str) -> None:
        if step == "fetched" and not self.first:
            self.first = time.perf_counter()

    def done(self, _partition: object, done: Done) -> None:
        self._left -= len(done.timestamps)
        if self._left <= 0 and self.ending is not None:
            self.last = time.perf_counter()
            self.ending.ask("all events are processed")


if __name__ == "__main__":
    print(uvloop.run(process(int(sys.argv[1]))))
