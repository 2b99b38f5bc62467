"""A circuit breaker: an endpoint that fails again and again is left alone for a while, then asked with one record."""

from __future__ import annotations

from collections.abc import Callable

FAILURES = 5
FIRST_SECONDS, LAST_SECONDS = 30.0, 300.0


class Circuit:
    """Closed: all may pass. Open: none, until `reopens_at`. Then one, whose answer decides.

    `clock` is in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = 0
        self._pause = FIRST_SECONDS
        self._probing = False
        self.reopens_at: float | None = None

    @property
    def open(self) -> bool:
        """Tell whether the endpoint is left alone, but for a probe."""
        return self.reopens_at is not None

    def may_pass(self) -> bool:
        """Tell whether an attempt may be made; who was told so must tell how it ended."""
        if self.reopens_at is None:
            return True
        if self._probing or self._clock() < self.reopens_at:
            return False
        self._probing = True
        return True

    def answered(self) -> None:
        """Note that somebody answers there, whatever it was."""
        self._failures, self._pause, self._probing, self.reopens_at = 0, FIRST_SECONDS, False, None

    def failed(self) -> None:
        """Note that nobody answers, or only that it can't."""
        self._failures += 1
        if self._probing:
            self._pause = min(2 * self._pause, LAST_SECONDS)
        if self._probing or self._failures >= FAILURES:
            self.reopens_at = self._clock() + self._pause
        self._probing = False
