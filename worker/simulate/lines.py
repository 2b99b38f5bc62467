"""A line of the log, and what is counted of lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

from worker.simulate.dialects import Aside, Dialect

Flaw = Literal[
    "invalid_utf8",
    "not_json",
    "too_deep",
    "too_large",
    "lone_surrogate",
    "not_an_object",
    "unknown_format",
    "unknown_trigger",
    "invalid_event",
]
Kind = Dialect | Aside | Flaw | Literal["blank"]


class Line(msgspec.Struct, frozen=True):
    """A line without its end: `person` is the number of whom it tells, `arrival` is in milliseconds since the epoch.

    `about` is the identifier by which a producer would key it: the user id, before there is one the e-mail address,
    else the phone number or the username.
    """

    value: bytes
    kind: Kind
    person: int
    arrival: int
    about: str


class Tally:
    """Counts lines by kind, and the people they tell of; a flaw is no longer told of anybody."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self._people: set[int] = set()

    def add(self, lines: Iterable[Line]) -> None:
        """Count these lines too."""
        for line in lines:
            self.kinds[line.kind] += 1
            if line.kind not in _UNTOLD:
                self._people.add(line.person)

    @property
    def lines(self) -> int:
        """How many lines."""
        return self.kinds.total()

    @property
    def people(self) -> int:
        """How many people have a line that can be read."""
        return len(self._people)

    @property
    def malformed(self) -> int:
        """How many lines are bad input."""
        return sum(self.kinds[flaw] for flaw in get_args(Flaw))


_UNTOLD = frozenset({*get_args(Flaw), "blank"})
