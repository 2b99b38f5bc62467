"""What is told of handlers that fail: each failure in the logs, for who looks for it; after a replay the kinds."""

from __future__ import annotations

from collections import Counter

from worker.handlers.outcomes import Failure
from worker.handlers.registry import Handler
from worker.telemetry import logs


class Failures:
    """Counts failures; those with the same message and the same way through the user's code are one kind."""

    def __init__(self) -> None:
        self._kinds: Counter[Failure] = Counter()

    def add(self, handler: Handler, failure: Failure) -> None:
        """Count a failure, and log it."""
        self._kinds[failure] += 1
        log_failure(handler, failure)

    def kinds(self) -> list[tuple[Failure, int]]:
        """Return the failures and how often each came, the most frequent first."""
        return self._kinds.most_common()


def log_failure(handler: Handler, failure: Failure) -> None:
    """Log a failure with its way through the user's code, the deepest line first."""
    logs.debug(
        "handler_failed",
        handler=handler.name,
        trigger=handler.trigger,
        on_error=handler.options.on_error,
        message=failure.message,
        trace=[f"{frame.file}:{frame.line} in {frame.function}" for frame in reversed(failure.trace)],
    )
