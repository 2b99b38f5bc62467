"""The command `experiment-worker`, with a fault planted: `python -m tests.faults.worker run`.

`FAILPOINT=step:times:SIGNAL` sends the process that signal when it has reached the step that many times: a step of a
lane, a phase of `forget`, or what a redrive comes to: `redriving` before the commit of a transaction, `redriven` after.
`BROKEN=name` breaks a promise on purpose, so that the checker can be seen to notice.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Literal, cast

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition

from tests.faults.broken import break_redrive, break_worker
from tests.faults.workers import Breakage
from worker.app import forgetting, run
from worker.app.ending import Ending
from worker.app.forgetting import Phase
from worker.cli.main import main
from worker.streams.kafka.lane import Step

RedriveStep = Literal["redriving", "redriven"]


class Failpoint:
    """Counts how often a step is reached and then sends this process a signal."""

    def __init__(self, text: str, send: Callable[[int, signal.Signals], None] = os.kill) -> None:
        self._step, times, name = text.split(":")
        self._left = int(times)
        self._signal = signal.Signals[name]
        self._send = send

    def lane(self, partition: TopicPartition, step: Step) -> None:
        """Count the step of a lane."""
        del partition
        self(step)

    def __call__(self, step: Step | Phase | RedriveStep) -> None:
        """Count the step."""
        if step == self._step:
            self._left -= 1
            if self._left == 0:
                self._send(os.getpid(), self._signal)


def plant(failpoint: Failpoint | None, broken: Breakage | None) -> None:
    """Let commands do their work with these faults."""
    run_worker, forget, commit = run.run_worker, forgetting.forget, AIOKafkaProducer.commit_transaction

    async def run_with_faults(job: run.Run, ending: Ending) -> None:
        if broken:
            job = break_worker(broken, job)
        if failpoint:
            job = msgspec.structs.replace(job, reached=failpoint.lane)
        await run_worker(job, ending)

    async def forget_with_faults(job: forgetting.Forgetting, told: Callable[[Phase], None]) -> forgetting.Receipt:
        return await forget(job, failpoint or told)

    async def commit_with_faults(producer: AIOKafkaProducer) -> None:
        if failpoint:
            failpoint("redriving")
        await commit(producer)
        if failpoint:
            failpoint("redriven")

    run.run_worker = run_with_faults
    forgetting.forget = forget_with_faults
    AIOKafkaProducer.commit_transaction = commit_with_faults
    if broken == "forgets_marks":
        break_redrive()


if __name__ == "__main__":
    given = os.environ["FAILPOINT"]
    plant(Failpoint(given) if given else None, cast("Breakage | None", os.environ["BROKEN"] or None))
    main()
