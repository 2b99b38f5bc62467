"""Deliveries under way: per endpoint so many at once, first attempts of a user in order, and what each comes to.

Nothing here waits for anything but receivers: a delivery that is to be tried later is given back, with the time. So no
endpoint holds back another one: what would wait for one for more than half a minute, at the pace at which it answers,
is given back as well, with a time that keeps to that pace.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from worker.delivery.circuit import Circuit
from worker.delivery.client import Answer, Client, Outcome
from worker.delivery.endpoints import Endpoint
from worker.delivery.pace import Pace

_LOOK_SECONDS = 1.0
_DISABLED_MS = 300_000
_JITTER = 0.2
_LONGEST_MS = 24 * 3_600_000
_UNWELL: frozenset[Outcome] = frozenset(
    {"failed", "timeout", "unknown_host", "forbidden_address", "tls", "connection", "protocol"}
)

Postponed = Literal["crowded", "circuit_open", "disabled"]


class Delivered(msgspec.Struct, frozen=True):
    """The receiver has it."""


class Later(msgspec.Struct, frozen=True):
    """It is to be tried again at that time (ms since the epoch), after so many attempts; `reason` of the last one."""

    due_ms: int
    attempts: int
    reason: Outcome | Postponed


class Exhausted(msgspec.Struct, frozen=True):
    """The endpoint's schedule is at its end; `reason` of the last attempt."""

    attempts: int
    reason: Outcome


Fate = Delivered | Later | Exhausted


class Delivery:
    """One enrollment on its way; `attempts` were made before, `since_ms` is when it was asked for.

    `settle` is called once with what came of this attempt, unless the delivery is dropped before.
    """

    __slots__ = ("attempts", "body", "dropped", "endpoint", "id", "running", "settle", "since_ms", "user")

    def __init__(
        self,
        id_: str,
        endpoint: Endpoint,
        body: bytes,
        user: str,
        *,
        attempts: int,
        since_ms: int,
        settle: Callable[[Fate], None],
    ) -> None:
        self.id = id_
        self.endpoint = endpoint
        self.body = body
        self.user = user
        self.attempts = attempts
        self.since_ms = since_ms
        self.settle = settle
        self.running = self.dropped = False


class Telemetry(Protocol):
    """Told of deliveries."""

    def attempted(self, delivery: Delivery, answer: Answer) -> None:
        """Note what an attempt came to."""
        ...

    def postponed(self, delivery: Delivery, reason: Postponed) -> None:
        """Note that no attempt was made."""
        ...

    def waiting(self, endpoint: Endpoint, deliveries: int) -> None:
        """Note how many wait for an endpoint or are under way to it."""
        ...

    def circuit(self, endpoint: Endpoint, opened: bool) -> None:  # noqa: FBT001 - the value itself
        """Note that an endpoint is left alone from now on, or no longer."""
        ...


class States(Protocol):
    """Which endpoints are disabled."""

    def disabled(self, name: str) -> bool:
        """Tell whether nothing may be sent there."""
        ...

    def disable(self, name: str) -> None:
        """Let nothing be sent there any more, by anybody, until it is enabled."""
        ...


class _Queue:
    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.waiting: deque[Delivery] = deque()
        self.running = 0
        self.circuit = Circuit(time.monotonic)
        self.look: asyncio.TimerHandle | None = None
        self.pace = Pace(time.monotonic)


class Deliverer:
    """Makes attempts; one for a process."""

    def __init__(self, client: Client, states: States, telemetry: Telemetry) -> None:
        self._client = client
        self._states = states
        self._telemetry = telemetry
        self._queues: dict[str, _Queue] = {}
        self._behind: dict[str, deque[Delivery] | None] = {}  # by user: who waits for a first attempt before
        self._tasks: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """End the attempts under way; they are settled by nobody."""
        for queue in self._queues.values():
            if queue.look is not None:
                queue.look.cancel()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def take(self, delivery: Delivery) -> None:
        """Attempt a delivery as soon as may be; a first attempt after those of the same user before it."""
        if delivery.attempts == 0 and delivery.user:
            if delivery.user in self._behind:
                behind = self._behind[delivery.user]
                if behind is None:  # most users have one, and need no queue
                    behind = self._behind[delivery.user] = deque()
                behind.append(delivery)
                return
            self._behind[delivery.user] = None
        self._enqueue(delivery)

    def drop(self, delivery: Delivery) -> bool:
        """Forget a delivery that is not under way: it is never attempted; tell whether it was forgotten."""
        delivery.dropped = not delivery.running
        return delivery.dropped

    def _enqueue(self, delivery: Delivery) -> None:
        endpoint = delivery.endpoint
        queue = self._queues.get(endpoint.name)
        if queue is None:
            queue = self._queues[endpoint.name] = _Queue(endpoint)
        if self._states.disabled(endpoint.name):
            self._postpone(delivery, "disabled", _DISABLED_MS)
        elif len(queue.waiting) >= queue.pace.room():
            self._postpone(delivery, "crowded", queue.pace.book() * 1000)
        else:
            queue.waiting.append(delivery)
            self._look_later(queue)
            if queue.running < endpoint.max_in_flight:
                queue.running += 1
                task = asyncio.create_task(self._work(queue), name=f"deliver to {endpoint.label}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                self._tell_waiting(queue)

    def _look_later(self, queue: _Queue) -> None:
        if queue.look is None:
            queue.look = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look, queue)

    def _look(self, queue: _Queue) -> None:
        """Give back what came last, if more wait than have their turn soon: nobody may come to notice it otherwise."""
        queue.look = None
        room = queue.pace.room()
        while len(queue.waiting) > room:
            delivery = queue.waiting.pop()
            if delivery.dropped:
                self._next_of(delivery)
            else:
                self._postpone(delivery, "crowded", queue.pace.book() * 1000)
        if queue.waiting:
            self._look_later(queue)
        self._tell_waiting(queue)

    async def _work(self, queue: _Queue) -> None:
        """Attempt what waits for an endpoint, one after the other."""
        try:
            while queue.waiting:
                delivery = queue.waiting.popleft()
                if delivery.dropped:
                    self._next_of(delivery)
                elif self._states.disabled(queue.endpoint.name):
                    self._postpone(delivery, "disabled", _DISABLED_MS)
                elif not queue.circuit.may_pass():
                    self._postpone(delivery, "circuit_open", self._reopening_ms(queue))
                else:
                    await self._attempt(queue, delivery)
        finally:
            queue.running -= 1
            self._tell_waiting(queue)
            if not (queue.waiting or queue.running or queue.circuit.open):
                self._queues.pop(queue.endpoint.name, None)

    async def _attempt(self, queue: _Queue, delivery: Delivery) -> None:
        endpoint = delivery.endpoint  # of the queue's origin: URLs have paths of their own
        delivery.running = True
        signed = endpoint.signer.headers(delivery.id, int(time.time()), delivery.body)
        answer = await self._client.post(
            endpoint.url, delivery.body, {**endpoint.headers, **signed}, endpoint.timeout_s
        )
        delivery.running = False
        queue.pace.answered()
        self._judge(queue, answer)
        self._telemetry.attempted(delivery, answer)
        self._settle(delivery, self._fate(delivery, answer))

    def _judge(self, queue: _Queue, answer: Answer) -> None:
        was_open = queue.circuit.open
        if answer.outcome in _UNWELL:
            queue.circuit.failed()
        else:
            queue.circuit.answered()
        if queue.circuit.open != was_open:
            self._telemetry.circuit(queue.endpoint, queue.circuit.open)

    def _fate(self, delivery: Delivery, answer: Answer) -> Fate:
        endpoint, attempts = delivery.endpoint, delivery.attempts + 1
        if answer.outcome == "delivered":
            return Delivered()
        if answer.outcome == "gone":
            self._states.disable(endpoint.name)
            return Later(_now_ms() + _spread(_DISABLED_MS), max(1, delivery.attempts), "disabled")
        if attempts > len(endpoint.schedule_s):
            return Exhausted(attempts, answer.outcome)
        wait_ms = max(_spread(endpoint.schedule_s[attempts - 1] * 1000), (answer.retry_after or 0.0) * 1000)
        return Later(_now_ms() + int(min(wait_ms, _LONGEST_MS)), attempts, answer.outcome)

    def _postpone(self, delivery: Delivery, reason: Postponed, wait_ms: float) -> None:
        self._telemetry.postponed(delivery, reason)
        self._settle(delivery, Later(_now_ms() + _spread(wait_ms), delivery.attempts, reason))

    def _settle(self, delivery: Delivery, fate: Fate) -> None:
        self._next_of(delivery)
        if not delivery.dropped:
            delivery.settle(fate)

    def _next_of(self, delivery: Delivery) -> None:
        """Let the user's next first attempt begin; those that were dropped are passed over."""
        if delivery.attempts or not delivery.user:
            return
        behind = self._behind.get(delivery.user)
        while behind:
            following = behind.popleft()
            if not following.dropped:
                asyncio.get_running_loop().call_soon(self._enqueue, following)
                return
        self._behind.pop(delivery.user, None)

    def _reopening_ms(self, queue: _Queue) -> float:
        seconds = (queue.circuit.reopens_at or 0.0) - time.monotonic()
        return max(seconds, 1.0) * 1000

    def _tell_waiting(self, queue: _Queue) -> None:
        self._telemetry.waiting(queue.endpoint, len(queue.waiting) + queue.running)


def _spread(wait_ms: float) -> int:
    """Lengthen a wait by chance, so that what failed together does not come back together."""
    return int(wait_ms * random.uniform(1.0, 1.0 + _JITTER))  # noqa: S311 - no secret


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
