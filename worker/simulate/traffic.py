"""The log: people do things when they are due, and lines arrive a little later, in the order of their arrival.

One heap holds what is due next, of people and of lines on their way, so memory grows with the people and not with the
events. In a log of more events people come more often; it lasts as many days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from itertools import islice
from typing import assert_never

import msgspec
import orjson

from worker.simulate import cloud_events, tenant_logs
from worker.simulate.clock import DAY, MINUTE, SECOND, milliseconds
from worker.simulate.dialects import LATENESS, Aside, Dialect, Trigger, choose, tell
from worker.simulate.dice import Dice, Quantiles
from worker.simulate.lines import Line
from worker.simulate.malformed import spoil
from worker.simulate.options import TrafficOptions
from worker.simulate.people import Person, populate
from worker.simulate.tenant_logs import LogType
from worker.simulate.visits import Visit, Visits

REDELIVERY = 5 * SECOND
"""A record that is delivered again comes within so many milliseconds of the first time."""
DISORDER = max(LATENESS.values()) + REDELIVERY
"""An event happened at most so many milliseconds before the time of any that stands before it in the log."""

_FAILING = 0.05  # of the attempts to log in
_GOING_ON = 0.05  # of the logins are followed by another log event
_UPDATING = 0.01  # of the logins change the user
_CLEARING = 0.004  # as often as this, per login, an unused account is deleted
_REDELIVERED = 0.004
_LOGGING_IN_AT_ONCE = 0.85  # of those who have registered
_STUMBLED = 10 * SECOND  # a registration that takes longer failed at first
_LEAST_LOGINS = 0.2  # of the lines, where few people make a short log
_TELLING = 0.88  # of the lines are registrations and logins
_GAPS = Quantiles(  # an exponential distribution: visits come at random
    (0, 0), (0.25, 0.288), (0.5, 0.693), (0.75, 1.386), (0.9, 2.303), (0.97, 3.507), (0.995, 5.298), (1, 9)
)
_PEOPLE, _LIVES, _VISITS, _FLAWS = range(4)  # the dice of one seed


class _Registering(msgspec.Struct, frozen=True):
    visit: Visit


class _Registered(msgspec.Struct, frozen=True):
    visit: Visit


class _LoggingIn(msgspec.Struct, frozen=True):
    """The login number `count` of somebody; `visit` is set if it goes on with what they just did."""

    person: Person
    count: int
    visit: Visit | None = None


_Act = Line | _Registering | _Registered | _LoggingIn


def generate(options: TrafficOptions) -> Iterator[bytes]:
    """Yield the lines of a log, without their ends: as many as `options.events`, always the same ones."""
    return (line.value for line in generate_lines(options))


def generate_lines(options: TrafficOptions) -> Iterator[Line]:
    """Yield the lines of a log with what is known of them."""
    lines = islice(_Town(options).lines(), options.events)
    return spoil(lines, options.malformed, Dice(options.seed, _FLAWS))


class _Town:
    """The people, and what is due next."""

    def __init__(self, options: TrafficOptions) -> None:
        self._dice = Dice(options.seed, _LIVES)
        self._visits = Visits(options.overrides, Dice(options.seed, _VISITS))
        self._due: list[tuple[int, int, _Act]] = []
        self._order = 0
        people = populate(options, Dice(options.seed, _PEOPLE))
        self._pace = _pace(people, options)
        for person in people:
            if person.registers is None:
                self._log_in_later(person, milliseconds(options.start), person.logins + 1)
            else:
                self._add(person.registers, _Registering(self._visits.make(person, person.registers, 0)))

    def lines(self) -> Iterator[Line]:
        """Yield lines for ever, in the order of their arrival."""
        while True:
            time, _, act = heappop(self._due)
            match act:
                case Line():
                    yield act
                case _LoggingIn():
                    self._log_in(act, time)
                case _Registering(visit):
                    self._register(visit)
                case _Registered(visit):
                    self._registered(visit)
                case _:
                    assert_never(act)

    def _register(self, visit: Visit) -> None:
        """Begin a registration; other companies' accounts skip it, and who stumbles begins twice."""
        created = visit.person.created
        self._add(created, _Registered(_at(visit, created)))
        if visit.person.identity.connection.federated:
            return
        self._tell("pre_user_registration", visit)
        if created - visit.time > _STUMBLED:
            self._log("fs", _at(visit, visit.time + SECOND), registered=False)
            self._tell("pre_user_registration", _at(visit, created - SECOND))

    def _registered(self, visit: Visit) -> None:
        self._tell("post_user_registration", visit)
        if self._dice.chance(_LOGGING_IN_AT_ONCE):
            time = visit.time + self._dice.between(2 * SECOND, 90 * SECOND)
            self._add(time, _LoggingIn(visit.person, 1, visit))
        else:
            self._log_in_later(visit.person, visit.time, 1)

    def _log_in(self, act: _LoggingIn, time: int) -> None:
        visit = _at(act.visit, time, act.count) if act.visit else self._visits.make(act.person, time, act.count)
        if self._dice.chance(_FAILING):
            self._log(self._dice.draw(tenant_logs.BEFORE_LOGIN), visit)
            again = time + self._dice.between(5 * SECOND, 40 * SECOND)
            self._add(again, _LoggingIn(act.person, act.count, visit))
            return
        self._tell("post_login", visit)
        self._go_on(visit)
        self._log_in_later(act.person, time, act.count + 1)

    def _log_in_later(self, person: Person, time: int, count: int) -> None:
        days = _GAPS.at(self._dice.roll()) / _GAPS.mean / (person.eagerness * self._pace)
        self._add(person.rhythm.later(time, days, person.place.offset), _LoggingIn(person, count))

    def _go_on(self, visit: Visit) -> None:
        """Do what people do after a login and workers don't care about."""
        dice = self._dice
        if dice.chance(_GOING_ON):
            type_ = dice.draw(tenant_logs.AFTER_LOGIN)
            pause = dice.between(5 * MINUTE, 120 * MINUTE) if type_ == "slo" else SECOND
            self._log(type_, _at(visit, visit.time + pause))
        if dice.chance(_UPDATING):
            self._send("other_cloudevent", orjson.dumps(cloud_events.user_updated(visit, dice)), visit)
        if dice.chance(_CLEARING):
            self._send("other_cloudevent", orjson.dumps(cloud_events.user_deleted(visit, dice)), visit)

    def _tell(self, trigger: Trigger, visit: Visit) -> None:
        dialect = choose(trigger, visit, self._dice)
        value = tell(trigger, dialect, visit, self._dice)
        self._send(dialect, value, visit, registered=trigger != "pre_user_registration")

    def _log(self, type_: LogType, visit: Visit, *, registered: bool = True) -> None:
        self._send("other_log", orjson.dumps(tenant_logs.log(type_, visit, self._dice)), visit, registered=registered)

    def _send(self, dialect: Dialect | Aside, value: bytes, visit: Visit, *, registered: bool = True) -> None:
        arrival = visit.time + self._dice.between(0, LATENESS[dialect] + 1)
        identity = visit.person.identity
        about = identity.user_id if registered else identity.first_link
        line = Line(value, dialect, visit.person.number, arrival, about)
        self._add(arrival, line)
        if self._dice.chance(_REDELIVERED):
            self._add(arrival + self._dice.between(1, REDELIVERY + 1), line)

    def _add(self, time: int, act: _Act) -> None:
        self._order += 1
        heappush(self._due, (time, self._order, act))


def _at(visit: Visit, time: int, count: int | None = None) -> Visit:
    return msgspec.structs.replace(visit, time=time, count=visit.count if count is None else count)


def _pace(people: Sequence[Person], options: TrafficOptions) -> float:
    """Return how often per day somebody of eagerness 1 comes, for the log to last as long as it should."""
    start = milliseconds(options.start)
    end = start + options.days * DAY
    registrations = sum(person.registers is not None for person in people)
    logins = max(options.events * _TELLING - 3 * registrations, options.events * _LEAST_LOGINS, 1)
    return logins / sum(person.eagerness * (end - max(start, person.created)) / DAY for person in people)
