"""Enrollments of a file, sent or only looked at: nothing of it touches a topic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from worker.app.deliveries import now_ms, read_enrollment
from worker.app.endpoints import endpoints_of
from worker.delivery.addresses import networks
from worker.delivery.client import Answer, Client
from worker.delivery.deliverer import Delivered, Deliverer, Delivery, Fate, Later, Postponed
from worker.delivery.endpoints import Endpoint, Endpoints, NoEndpointError
from worker.settings import Settings
from worker.streams.logs import Log, read_log

_AT_HAND = 400
_LONGEST_WAIT_MS = 60_000
_SHOWN = 20


class FileSent(msgspec.Struct):
    """What sending a file came to, or would: by endpoint how many enrollments, and what became of them.

    `problems` are the first lines that can't be sent, or were not: place and reason.
    """

    sent: bool
    enrollments: int = 0
    endpoints: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    not_sent: int = 0
    problems: list[tuple[str, str]] = msgspec.field(default_factory=list)

    def note(self, label: str, what: str) -> None:
        """Count an enrollment of an endpoint."""
        counts = self.endpoints.setdefault(label, {})
        counts[what] = counts.get(what, 0) + 1

    def problem(self, place: str, reason: str) -> None:
        """Count one that is not sent."""
        self.not_sent += 1
        if len(self.problems) < _SHOWN:
            self.problems.append((place, reason))


class _Item(msgspec.Struct, frozen=True):
    place: str
    id: str
    endpoint: Endpoint
    body: bytes
    user: str


async def send_file(
    settings: Settings, logs: Sequence[Log], progress: Callable[[int], None], *, send: bool
) -> FileSent:
    """Send every enrollment, or only say what would be sent.

    One that fails is tried again as its endpoint's schedule says, while that is within a minute. `progress` hears how
    many bytes are read.

    Raises:
        UnreadableLogError: a file can't be read.
    """
    done = FileSent(sent=send)
    endpoints = endpoints_of(settings)
    if not send:
        for item in _items(logs, endpoints, done, progress):
            done.note(item.endpoint.label, "to be sent")
        return done
    async with Client(networks(settings.webhooks.allow_networks)) as client:
        deliverer = Deliverer(client, _OwnStates(), _Quiet())
        try:
            await _send(deliverer, _items(logs, endpoints, done, progress), done)
        finally:
            await deliverer.aclose()
    return done


def _items(
    logs: Sequence[Log], endpoints: Endpoints, done: FileSent, progress: Callable[[int], None]
) -> Iterator[_Item]:
    for log in logs:
        for record in read_log(log, progress):
            if not record.value.strip():
                continue
            done.enrollments += 1
            try:
                found = read_enrollment(record.value)
                endpoint = endpoints.of(found.endpoint)
            except (msgspec.DecodeError, UnicodeDecodeError):
                done.problem(record.source, "no enrollment")
            except NoEndpointError as error:
                done.problem(record.source, str(error))
            else:
                yield _Item(record.source, found.enrollment_id, endpoint, bytes(found.payload), found.user)


async def _send(deliverer: Deliverer, items: Iterable[_Item], done: FileSent) -> None:
    room = asyncio.Semaphore(_AT_HAND)
    loop = asyncio.get_running_loop()

    def take(item: _Item, attempts: int) -> None:
        deliverer.take(
            Delivery(
                item.id,
                item.endpoint,
                item.body,
                item.user,
                attempts=attempts,
                since_ms=now_ms(),
                settle=lambda fate: settle(item, fate),
            )
        )

    def settle(item: _Item, fate: Fate) -> None:
        wait_ms = fate.due_ms - now_ms() if isinstance(fate, Later) else 0
        if isinstance(fate, Later) and fate.reason != "disabled" and wait_ms <= _LONGEST_WAIT_MS:
            loop.call_later(max(wait_ms, 0) / 1000, take, item, max(1, fate.attempts))
            return
        if isinstance(fate, Delivered):
            done.note(item.endpoint.label, "delivered")
        else:
            done.note(item.endpoint.label, "failed")
            done.problem(item.place, f"{item.endpoint.label}: {fate.reason}")
        room.release()

    for item in items:
        await room.acquire()
        take(item, 0)
    for _ in range(_AT_HAND):
        await room.acquire()


class _OwnStates:
    """What answers 410 gets nothing more of this file."""

    def __init__(self) -> None:
        self._disabled: set[str] = set()

    def disabled(self, name: str) -> bool:
        return name in self._disabled

    def disable(self, name: str) -> None:
        self._disabled.add(name)


class _Quiet:
    """Hears what deliveries come to, and says nothing: the command does."""

    def attempted(self, delivery: Delivery, answer: Answer) -> None:
        """Forget it."""

    def postponed(self, delivery: Delivery, reason: Postponed) -> None:
        """Forget it."""

    def waiting(self, endpoint: Endpoint, deliveries: int) -> None:
        """Forget it."""

    def circuit(self, endpoint: Endpoint, opened: bool) -> None:  # noqa: FBT001 - the value itself
        """Forget it."""
