"""One event and its handlers."""

from __future__ import annotations

from typing import assert_never

from worker.handlers.api import Api
from worker.handlers.experiment import ExperimentContext
from worker.handlers.outcomes import NOTHING, ONLY_READ, Call, Failure, Outcome
from worker.handlers.plans import Counts, Plan, Step
from worker.handlers.recorder import Recorded, Recorder


class Run:
    """One event on its way through its handlers: what they recorded, and how they failed."""

    __slots__ = ("_failure", "_kept", "_plan", "_reads", "_stop", "event")

    def __init__(self, plan: Plan, call: Call) -> None:
        self._plan = plan
        self._reads: list[str] = []
        self._kept: list[tuple[Counts, Recorded]] = []
        self._failure: Failure | None = None
        self._stop: str | None = None
        context = None
        if call.arm is not None and call.experiment_id is not None:
            context = ExperimentContext(call.experiment_id, call.arm, self._reads)
        self.event = plan.event(call.event, context)

    @property
    def stopped(self) -> bool:
        """Whether a handler stops the worker: then the later ones don't run."""
        return self._stop is not None

    def api(self, recorder: Recorder) -> Api:
        """Return the api of one handler."""
        return self._plan.api(recorder, self._plan.cache)

    def settle(self, step: Step, recorder: Recorder, failure: Failure | None) -> None:
        """Note how a handler ended."""
        recorded, counts = recorder.close(), step.counts
        counts.calls += 1
        if failure is None:
            if recorded is not None:
                self._kept.append((counts, recorded))
            return
        if self._plan.told is not None:
            self._plan.told(step.handler, failure)
        if failure.reason == "handler_timeout":
            counts.timeouts += 1
        else:
            counts.errors += 1
        on_error = step.handler.options.on_error
        match on_error:
            case "skip":
                counts.skipped += 1
            case "stop":
                self._stop = failure.message
            case "dead_letter":
                self._failure = self._failure or failure
            case _:
                assert_never(on_error)

    def outcome(self) -> Outcome:
        """Return what the event comes to."""
        if self._failure is not None or self._stop is not None:
            return Outcome(read=bool(self._reads), failure=self._failure, stop=self._stop)
        if not self._kept:
            return ONLY_READ if self._reads else NOTHING
        commands: list[bytes] = []
        enrollments: list[tuple[str, bytes]] = []
        for counts, recorded in self._kept:
            commands += recorded.commands
            enrollments += recorded.enrollments
            counts.commands += len(recorded.commands)
            counts.enrollments += len(recorded.enrollments)
        array = b"[%b]" % b",".join(commands) if commands else None
        return Outcome(array, tuple(enrollments), read=bool(self._reads))
