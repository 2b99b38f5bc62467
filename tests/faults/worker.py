"""The command of `experiment-worker`, with a fault planted: `python -m tests.faults.worker run`.

`FAILPOINT=step:times:SIGNAL` sends the process that signal when lanes have reached the step that many times.
`BROKEN=name` breaks a promise on purpose, so that the checker can be seen to notice.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import cast

import msgspec
from aiokafka import TopicPartition

from tests.faults.broken import break_worker
from tests.faults.workers import Breakage
from worker.app import run
from worker.cli.main import main
from worker.streams.kafka.lane import Step


class Failpoint:
    """Counts how often a step is reached and then sends this process a signal."""

    def __init__(self, text: str, send: Callable[[int, signal.Signals], None] = os.kill) -> None:
        self._step, times, name = text.split(":")
        self._left = int(times)
        self._signal = signal.Signals[name]
        self._send = send

    def __call__(self, partition: TopicPartition, step: Step) -> None:
        """Count the step."""
        del partition
        if step == self._step:
            self._left -= 1
            if self._left == 0:
                self._send(os.getpid(), self._signal)


def plant(failpoint: str, broken: str) -> None:
    """Let the command run its worker with these faults."""
    run_worker = run.run_worker

    async def run_with_faults(job: run.Run, ending: run.Ending) -> None:
        if broken:
            job = break_worker(cast("Breakage", broken), job)
        if failpoint:
            job = msgspec.structs.replace(job, reached=Failpoint(failpoint))
        await run_worker(job, ending)

    run.run_worker = run_with_faults


if __name__ == "__main__":
    plant(os.environ["FAILPOINT"], os.environ["BROKEN"])
    main()
