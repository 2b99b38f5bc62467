"""Seeded traffic whose truth is known: what each input must come to, who the people are and which secrets are theirs.

Two kinds of people make one variation per person hard to keep. *Registrants* act under their e-mail before they have a
user id, and under both a moment later. *Movers* act under one user id with two e-mails that hash apart, so only the
store can keep them together. The events of a burst go to different partitions, so that lanes meet at one person.

Where people leave, to be forgotten, some come again later under the same names. That is another person: nothing of what
was before may be known of them.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Literal

import msgspec
import orjson

from tests.faults.experiment import TENANT
from worker.experiments.subjects import SubjectType
from worker.records import DeadLetterReason
from worker.trigger import TriggerKind

PARTITIONS = 8
MAX_BYTES = 64 << 10  # the workers' input limit: a record that is too large stays cheap
SECRETS = ("planted", "203.0.113.", "+1555010")  # every e-mail, token, IP address and phone number has one of these
REFUSED_BYTES = 20_000
_START = datetime(2026, 3, 1, tzinfo=UTC)

Name = tuple[SubjectType, str]
Due = Literal["enriched", "dead_letter", "skip"]


class Event(msgspec.Struct, frozen=True):
    """A trigger that a pipeline reads; `person` is None where it names nobody."""

    id: str
    trigger: TriggerKind
    person: int | None
    names: tuple[Name, ...]


class Input(msgspec.Struct, frozen=True):
    """One record to produce, and its one terminal outcome; `reason` is that of the dead letter."""

    partition: int
    key: bytes | None
    value: bytes | None
    due: Due
    reason: DeadLetterReason | None = None
    event: Event | None = None


class Mix(msgspec.Struct, frozen=True):
    """How often a draw is a registrant's burst, a mover's, a bad record, a skip, a large one; the rest are logins.

    What comes of a large record is refused by a broker that takes batches of `REFUSED_BYTES` at most, even compressed.
    `fails` is the part of the logins on which a handler fails. `deadly` are clients on whose logins the handlers end
    the process, one login of each. `leaving` is the part of all people that leaves each time, `returning` how often a
    draw is one of those who left earlier.
    """

    registrants: float = 0.12
    movers: float = 0.1
    bad: float = 0.02
    skips: float = 0.02
    large: float = 0.0
    returning: float = 0.0
    fails: float = 0.01
    deadly: tuple[str, ...] = ()
    leaving: float = 0.0


USUAL = Mix()
POISONOUS = Mix(bad=0.4, skips=0.1)
LARGE = Mix(large=0.002)
CRASHING = Mix(deadly=("crashes",))
FREEZING = Mix(deadly=("freezes",))
FAILING = Mix(fails=0.25)
LEAVING = Mix(leaving=0.2, returning=0.05)
RACING = Mix(registrants=0.5, movers=0.45, bad=0.01, skips=0.0)


class Leaving(msgspec.Struct, frozen=True):
    """People of whom there is nothing more from the input of that number on: their names, person by person."""

    at: int
    people: tuple[tuple[Name, ...], ...]


class Traffic(msgspec.Struct, frozen=True):
    """Inputs in the order in which they are produced, and who leaves meanwhile."""

    inputs: Sequence[Input]
    leavings: Sequence[Leaving] = ()


def traffic(events: int, seed: int, mix: Mix = USUAL, leavings: int = 0) -> Traffic:
    """Return that many inputs, and people leaving so many times between them; equal arguments give equal traffic."""
    street = _Street(Random(seed), mix)  # noqa: S311 - traffic, not secrets
    found: list[Input] = []
    left: list[Leaving] = []
    deadly = list(mix.deadly)
    while len(found) < events:
        if len(left) < leavings and len(found) > events * (len(left) + 1) // (leavings + 1):
            left.append(Leaving(len(found), street.leave()))
        found += street.draw()
        if deadly and len(found) > events // (len(deadly) + 1):
            found.append(street.die(deadly.pop()))
    return Traffic(found[:events], left)


class _Person(msgspec.Struct, frozen=True):
    """`first` is the number under which somebody came first, `number` another one for each time."""

    number: int
    first: int
    emails: tuple[str, ...]

    @property
    def user_id(self) -> str:
        """Return the user id; those of enterprise connections hold an e-mail."""
        return f"samlp|corp|{self.emails[0]}" if self.first % 5 == 0 else f"auth0|{self.first:06}"

    @property
    def names(self) -> tuple[Name, ...]:
        """Return all names."""
        return (("user", self.user_id), *(("identifier", email) for email in self.emails))


class _Street:
    """The people seen so far and the events that they make."""

    def __init__(self, random: Random, mix: Mix) -> None:
        self._random = random
        self._mix = mix
        self._people: list[_Person] = []  # who may come again at any time
        self._leaving: list[_Person] = []  # who left last
        self._gone: list[_Person] = []  # who left before, and may come again as somebody new
        self._numbers = 0
        self._events = 0

    def draw(self) -> list[Input]:
        """Return the next inputs: a burst of one person, or a single record."""
        mix, point = self._mix, self._random.random()
        for share, make in (
            (mix.registrants, self._registration),
            (mix.movers, self._move),
            (mix.bad, self._bad),
            (mix.skips, self._skip),
            (mix.large, self._large),
            (mix.returning if self._gone else 0.0, self._come_again),
        ):
            if point < share:
                return make()
            point -= share
        return self._return()

    def leave(self) -> tuple[tuple[Name, ...], ...]:
        """Let some people leave and return their names; those who left before may come again from now on."""
        self._gone += self._leaving
        self._random.shuffle(self._people)
        count = int(len(self._people) * self._mix.leaving)
        self._leaving, self._people = self._people[:count], self._people[count:]
        return tuple(person.names for person in self._leaving)

    def die(self, client: str) -> Input:
        """Return a login of nobody at that client."""
        event, document = self._nobody()
        document["event"]["client"]["name"] = client
        return Input(
            self._random.randrange(PARTITIONS), b"deadly", orjson.dumps(document), "dead_letter", "crashed", event
        )

    def _registration(self) -> list[Input]:
        return self._register(self._newcomer(""))

    def _come_again(self) -> list[Input]:
        """Let somebody register again, with one address: two that nobody has linked yet are two people for a worker."""
        gone = self._gone.pop(self._random.randrange(len(self._gone)))
        return self._register(self._add(gone.first, gone.emails[:1]))

    def _register(self, person: _Person) -> list[Input]:
        email = person.emails[0]
        makers = [
            self._make("pre_user_registration", person, email, with_id=False),
            self._make("post_user_registration", person, email),
            self._make("post_login", person, email),
        ]
        return self._spread(makers, email.encode())

    def _move(self) -> list[Input]:
        person = self._newcomer("", "new.")
        logins = [self._make("post_login", person, email) for email in person.emails * 2]
        return self._spread(logins, None)

    def _return(self) -> list[Input]:
        if not self._people or self._random.random() < 0.02:
            return self._spread([self._nobody()], b"nobody")
        person = self._random.choice(self._people)
        return self._spread([self._make("post_login", person, self._random.choice(person.emails))], None)

    def _newcomer(self, *prefixes: str) -> _Person:
        number = self._numbers
        return self._add(number, tuple(f"{prefix}person.{number}@planted.example" for prefix in prefixes))

    def _add(self, first: int, emails: tuple[str, ...]) -> _Person:
        self._people.append(_Person(self._numbers, first, emails))
        self._numbers += 1
        return self._people[-1]

    def _spread(self, made: Sequence[tuple[Event, dict[str, Any]]], key: bytes | None) -> list[Input]:
        """Put the events of one person on partitions of their own, in any order."""
        partitions = self._random.sample(range(PARTITIONS), len(made))
        found = []
        for partition, (event, document) in zip(partitions, made, strict=True):
            fails = document["event"]["client"]["name"] == "fails"
            due: Due = "dead_letter" if fails else "enriched"
            reason: DeadLetterReason | None = "handler_failed" if fails else None
            value = orjson.dumps(document)
            found.append(Input(partition, key or event.id.encode(), value, due, reason, event))
        return found

    def _make(
        self, trigger: TriggerKind, person: _Person, email: str, *, with_id: bool = True
    ) -> tuple[Event, dict[str, Any]]:
        user: dict[str, Any] = {"email": email.upper() if self._random.random() < 0.2 else email}
        names: list[Name] = [("identifier", email)]
        if with_id:
            user["user_id"] = person.user_id
            names.insert(0, ("user", person.user_id))
        return self._trigger(trigger, user, person.number, tuple(names))

    def _nobody(self) -> tuple[Event, dict[str, Any]]:
        return self._trigger("post_login", {}, None, ())

    def _trigger(
        self, trigger: TriggerKind, user: dict[str, Any], person: int | None, names: tuple[Name, ...]
    ) -> tuple[Event, dict[str, Any]]:
        self._events += 1
        event = Event(f"evt_{self._events:07}", trigger, person, names)
        fails = trigger == "post_login" and person is not None and self._random.random() < self._mix.fails
        document = {
            "id": event.id,
            "trigger": trigger,
            "time": self._time(),
            "event": self._event_object(user, "fails" if fails else "web"),
        }
        return event, document

    def _time(self) -> str:
        return (_START + timedelta(seconds=self._events)).isoformat()

    def _event_object(self, user: dict[str, Any], client: str) -> dict[str, Any]:
        token = f"planted-{self._random.getrandbits(64):016x}"
        return {
            "tenant": {"id": TENANT},
            "user": {**user, "name": "Planted Person", "user_metadata": {"token": token}},
            "client": {"client_id": "cli_web", "name": client, "metadata": {}},
            "connection": {"id": "con_1", "name": "users", "strategy": "auth0"},
            "request": {
                "ip": f"203.0.113.{self._random.randrange(256)}",
                "hostname": "login.faults.example",
                "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "query": {"state": token, "redirect_uri": "https://app.faults.example/callback"},
                "geoip": {"countryCode": "DE", "subdivisionCode": "BE", "cityName": "Berlin"},
                "body": {"password": token},
            },
            "authorization": {"roles": ["reader", "writer"]},
            "transaction": {"id": token, "requested_scopes": ["openid", "profile", "email"], "locale": "de"},
        }

    def _bad(self) -> list[Input]:
        reason, value = self._random.choice(_BAD)
        key = None if reason == "empty" else b"planted.key@planted.example"
        return [Input(self._random.randrange(PARTITIONS), key, value, "dead_letter", reason)]

    def _skip(self) -> list[Input]:
        value = self._random.choice(_SKIPPED)
        return [Input(self._random.randrange(PARTITIONS), b"person@planted.example", value, "skip")]

    def _large(self) -> list[Input]:
        """Return a login of nobody: a record that is given up leaves no exposure."""
        event, document = self._nobody()
        noise = b64encode(self._random.randbytes(2 * REFUSED_BYTES)).decode()
        document["event"]["request"]["body"] = {"noise": noise}
        partition = self._random.randrange(PARTITIONS)
        return [Input(partition, b"large", orjson.dumps(document), "dead_letter", "output_too_large", event)]


_MAIL = b'"bad.person@planted.example"'
_BAD: tuple[tuple[DeadLetterReason, bytes | None], ...] = (
    ("empty", None),
    ("too_large", b'{"id":' + b" " * MAX_BYTES + _MAIL + b"}"),
    ("invalid_utf8", b'{"id":"\xff","email":' + _MAIL + b"}"),
    ("not_json", b'{"user":{"email":' + _MAIL),
    ("not_json", b'{"user":{"email":' + _MAIL + b'},"stats":NaN}'),
    ("too_deep", b'{"email":' + _MAIL + b',"deep":' + b"[" * 70 + b"]" * 70 + b"}"),
    ("lone_surrogate", b'{"trigger":"post_login","email":' + _MAIL + rb',"name":"\ud83d"}'),
    ("not_an_object", b"[" + _MAIL + b"]"),
    ("unknown_format", b'{"email":' + _MAIL + b"}"),
    ("unknown_trigger", b'{"id":"1","trigger":' + _MAIL + b',"event":{}}'),
    ("invalid_event", b'{"id":"1","trigger":"post_login","event":{"user":[' + _MAIL + b"]}}"),
    ("invalid_event", b'{"id":"1","trigger":"post_login","time":' + _MAIL + b',"event":{}}'),
)
_SKIPPED = (
    None,
    b'{"log_id":"log_1","data":{"log_id":"log_1","type":"fp","user_name":' + _MAIL + b',"ip":"203.0.113.7"}}',
    b'{"specversion":"1.0","type":"com.example.other","source":"urn:x","id":"1","data":{"email":' + _MAIL + b"}}",
)


def sources(inputs: Sequence[Input], topic: str) -> Iterator[tuple[str, Input]]:
    """Yield each input with its place on a topic that had no records before."""
    ends = [0] * PARTITIONS
    for each in inputs:
        yield f"{topic}/{each.partition}/{ends[each.partition]}", each
        ends[each.partition] += 1
