"""How fast an endpoint answers, over its last seconds, and who has a turn when."""

from __future__ import annotations

from collections.abc import Callable

LONGEST_WAIT_S = 30.0
"""How long deliveries wait for an endpoint at the most, at the pace at which it answers; more are given back."""
_LONGEST_BOOKED_S = 3600.0
_WINDOW_S = 3.0  # a judgement needs as much; a process that has just started is slower than its receivers
_SILENT_S, _SILENT_ROOM = 1.0, 100  # not one answer yet after so long: few more may wait for the first


class Pace:
    """Counts answers; `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begin = clock()
        self._answers = 0
        self._before = 0, 0.0  # answers of the window before, and its seconds
        self._booked_until = 0.0

    def answered(self) -> None:
        """Note an answer, whatever it was."""
        self._answers += 1

    def room(self) -> float:
        """Return how many deliveries may wait: those that have their turn soon enough."""
        interval = self._interval()
        if interval:
            return LONGEST_WAIT_S / interval
        silent = not self._answers and self._clock() - self._begin >= _SILENT_S
        return _SILENT_ROOM if silent else float("inf")

    def book(self) -> float:
        """Return after how many seconds another delivery has its turn, behind those that were given back before."""
        now = self._clock()
        following = min(self._booked_until + self._interval(), now + _LONGEST_BOOKED_S)
        self._booked_until = max(now + LONGEST_WAIT_S, following)
        return self._booked_until - now

    def _interval(self) -> float:
        """Return the seconds from one answer to the next; 0: not known yet."""
        now = self._clock()
        if now - self._begin >= _WINDOW_S:
            self._before = self._answers, now - self._begin
            self._begin, self._answers = now, 0
        answers, seconds = self._before
        seconds += now - self._begin
        return seconds / max(1, answers + self._answers) if seconds >= _WINDOW_S else 0.0
