"""Enrollments as they come from their topic, and again from the topic of retries; what they come to as records.

A retry waits in a tier: 5 s, 30 s, 5 min or 1 h, the longest that is not too long, and again in another one until its
time has come. So a day's wait is some tens of records and no memory, whatever becomes of the processes meanwhile, and
those of one tier are due in about the order in which they stand. The tiers share one topic: partition `4 n + tier`.
Its records are the enrollments as they are, with `delivery.*` headers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

import msgspec
from aiokafka import ConsumerRecord

from worker.app.processing import now
from worker.delivery.deliverer import Delivered, Deliverer, Delivery, Exhausted, Fate, Later
from worker.delivery.endpoints import Endpoints, NoEndpointError
from worker.streams.kafka.delivery_lane import Sent, Settle
from worker.streams.kafka.outgoing import partition_of
from worker.streams.kafka.topic_needs import RETRY_TIERS

DeliveryReason = Literal[
    "invalid_enrollment",  # no enrollment as the worker writes them
    "unknown_endpoint",  # no such endpoint, or a URL that is not allowed
    "exhausted",  # the endpoint's schedule is at its end
]
DELIVERY_REASONS: tuple[DeliveryReason, ...] = get_args(DeliveryReason)

TIERS_MS = (5_000, 30_000, 300_000, 3_600_000)
assert len(TIERS_MS) == RETRY_TIERS  # noqa: S101 - the topic has as many partitions for each
_SOON_MS = 100  # earlier than that is no other time
_PREFIX = "delivery."

Headers = Sequence[tuple[str, bytes]]


class Enrollment(msgspec.Struct, frozen=True):
    """What matters of the fields of `schemas.enrollment.Enrollment`; the payload as it is."""

    enrollment_id: str
    endpoint: str
    payload: msgspec.Raw
    tenant_id: str | None = None
    user_id: str | None = None

    @property
    def user(self) -> str:
        """Whose it is; nobody's: empty."""
        return f"{self.tenant_id or ''}|{self.user_id}" if self.user_id else ""


read_enrollment = msgspec.json.Decoder(Enrollment).decode


class Origin(msgspec.Struct, frozen=True):
    """An enrollment's record, wherever it stands now: where it first stood, and when; what was done so far.

    Times in ms since the epoch: it waits here until `until_ms`, and is due at `due_ms`.
    """

    source: str
    key: bytes | None
    value: bytes
    headers: Headers
    since_ms: int
    attempts: int
    due_ms: int
    until_ms: int

    @property
    def partition(self) -> int:
        """The partition where it first stood."""
        return int(self.source.rsplit("/", 2)[1])


def origin_of(record: ConsumerRecord) -> Origin:
    """Return what a record of the enrollments, or of the retries, says."""
    place = f"{record.topic}/{record.partition}/{record.offset}"
    said = {name: text for name, text in record.headers if name.startswith(_PREFIX)}
    if not said:
        return Origin(place, record.key, record.value or b"", record.headers, record.timestamp, 0, 0, 0)
    own = [header for header in record.headers if not header[0].startswith(_PREFIX)]

    def number(name: str, otherwise: int) -> int:
        text = said.get(_PREFIX + name, b"")
        return int(text) if text.isdigit() else otherwise

    source = said.get(f"{_PREFIX}source", place.encode()).decode(errors="replace")
    if not source.rpartition("/")[0].rpartition("/")[2].isdecimal():
        source = place
    return Origin(
        source,
        record.key,
        record.value or b"",
        own,
        number("since", record.timestamp),
        number("attempts", 0),
        number("due", 0),
        number("until", 0),
    )


class Routes(msgspec.Struct, frozen=True):
    """Where records go that enrollments come to; counts of partitions."""

    retries: str
    retries_partitions: int
    dead_letters: str
    dead_letters_partitions: int
    enrollments_partitions: int

    def later(self, origin: Origin, due_ms: int, attempts: int, reason: str) -> Sent:
        """Return the record that waits."""
        moment = now_ms()
        wait = max(0, due_ms - moment)
        tier = max((number for number, length in enumerate(TIERS_MS) if length <= wait), default=0)
        slot = origin.partition % (self.retries_partitions // RETRY_TIERS)
        said = {
            "source": origin.source,
            "since": origin.since_ms,
            "attempts": attempts,
            "due": due_ms,
            "until": moment + min(wait, TIERS_MS[tier]),
            "reason": reason,
        }
        headers = [*origin.headers, *((_PREFIX + name, str(value).encode()) for name, value in said.items())]
        return Sent(self.retries, slot * RETRY_TIERS + tier, origin.key, origin.value, headers)

    def dead(self, origin: Origin, reason: DeliveryReason, message: str) -> Sent:
        """Return the dead letter."""
        partition, count = origin.partition, self.dead_letters_partitions
        if count != self.enrollments_partitions:
            partition = partition_of(origin.key or b"", count)
        said = {
            "reason": reason,
            "message": message,
            "source": origin.source,
            "stage": "deliver",
            "time": now(),
            "timestamp": origin.since_ms,
        }
        headers = [*origin.headers, *((f"error.{name}", str(value).encode()) for name, value in said.items())]
        return Sent(self.dead_letters, partition, origin.key, origin.value, headers)


class Told(msgspec.Struct, frozen=True):
    """Who hears of deliveries that are over: an endpoint's label and the age in seconds; a reason and the place."""

    delivered: Callable[[str, float], None]
    given_up: Callable[[DeliveryReason, str, str], None]


class Deliveries:
    """Begins records of both topics."""

    def __init__(self, deliverer: Deliverer, endpoints: Endpoints, routes: Routes, told: Told) -> None:
        self._deliverer = deliverer
        self._endpoints = endpoints
        self._routes = routes
        self._told = told

    def begin(self, record: ConsumerRecord, settle: Settle) -> Begun:
        """Begin a record: deliver it, or let it wait for its time."""
        begun = Begun(self, origin_of(record), settle)
        begun.start()
        return begun

    def deliver(self, begun: Begun) -> Delivery | None:
        """Attempt it, unless it is not due yet or can't be delivered at all."""
        origin, routes = begun.origin, self._routes
        if origin.due_ms > now_ms() + _SOON_MS:
            begun.settle([routes.later(origin, origin.due_ms, origin.attempts, "waiting")])
            return None
        try:
            enrollment = read_enrollment(origin.value)
            endpoint = self._endpoints.of(enrollment.endpoint)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._give_up(begun, "invalid_enrollment", "no enrollment, expected one as the worker writes them")
            return None
        except NoEndpointError as error:
            self._give_up(begun, "unknown_endpoint", str(error))
            return None
        delivery = Delivery(
            enrollment.enrollment_id,
            endpoint,
            bytes(enrollment.payload),
            enrollment.user,
            attempts=origin.attempts,
            since_ms=origin.since_ms,
            settle=lambda fate: self._settle(begun, endpoint.label, fate),
        )
        self._deliverer.take(delivery)
        return delivery

    def drop(self, delivery: Delivery) -> bool:
        """Forget a delivery that is not under way."""
        return self._deliverer.drop(delivery)

    def _settle(self, begun: Begun, label: str, fate: Fate) -> None:
        match fate:
            case Delivered():
                self._told.delivered(label, (now_ms() - begun.origin.since_ms) / 1000)
                begun.settle(())
            case Later(due_ms, attempts, reason):
                begun.settle([self._routes.later(begun.origin, due_ms, attempts, reason)])
            case Exhausted(attempts, reason):
                self._give_up(begun, "exhausted", f"{attempts} attempts, the last one: {reason}")

    def _give_up(self, begun: Begun, reason: DeliveryReason, message: str) -> None:
        self._told.given_up(reason, begun.origin.source, message)
        begun.settle([self._routes.dead(begun.origin, reason, message)])


class Begun:
    """A record that was begun: it waits for its time, or is under way."""

    def __init__(self, deliveries: Deliveries, origin: Origin, settle: Settle) -> None:
        self._deliveries = deliveries
        self.origin = origin
        self._settle = settle
        self._timer: asyncio.TimerHandle | None = None
        self._delivery: Delivery | None = None

    def start(self) -> None:
        """Wait until its tier's time is over, then deliver it."""
        wait_ms = self.origin.until_ms - now_ms()
        if wait_ms > 0:
            self._timer = asyncio.get_running_loop().call_later(wait_ms / 1000, self._deliver)
        else:
            self._deliver()

    def settle(self, outputs: Sequence[Sent]) -> None:
        """Say what it came to."""
        self._delivery = None
        self._settle(outputs)

    def drop(self) -> bool:
        """Forget it if it is not under way."""
        if self._delivery is not None:
            return self._deliveries.drop(self._delivery)
        if self._timer is not None:
            self._timer.cancel()
        return True

    def _deliver(self) -> None:
        self._delivery = self._deliveries.deliver(self)


def routes_of(names: Mapping[str, str], partitions: Mapping[str, int]) -> Routes:
    """Return the routes between topics: their names, and partitions by name."""
    return Routes(
        names["retries"],
        partitions[names["retries"]],
        names["enrollments_dead_letters"],
        partitions[names["enrollments_dead_letters"]],
        partitions[names["enrollments"]],
    )


def now_ms() -> int:
    """Return the time in ms since the epoch."""
    return time.time_ns() // 1_000_000
