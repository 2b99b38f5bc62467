"""Whether a worker is alive, ready, and what it has done, over HTTP: `/livez`, `/readyz`, `/metrics`.

Alive depends on nothing but the worker itself: only what a restart would mend may fail it. A store that is away, or a
partition that has nothing to read, is not mended by one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Literal

import msgspec
import orjson
from aiohttp import web

from worker.telemetry.metrics import CONTENT_TYPE

STUCK_AFTER_S = 60.0
_CLOSE_WITHIN_S = 1.0  # a scrape that hangs must not hold up the worker's end

Reason = Literal[
    "starting",  # it has not joined its group yet
    "draining",  # it was told to stop: it finishes what it holds and takes nothing new
    "store_waiting",  # lanes wait for the store
]


class HealthServerError(Exception):
    """The server can't listen; the message names the setting, what was found and what was expected."""


class _Lane(msgspec.Struct):
    since: float
    lag: int = 0
    waiting: bool = False


class Watch:
    """Judges whether lanes move: one that has records to read must get on with them within `limit_s`.

    A lane that waits for the store counts as moving. So does one whose lag nobody has told yet. `clock` is monotonic,
    in seconds.
    """

    def __init__(self, *, limit_s: float = STUCK_AFTER_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._lanes: dict[int, _Lane] = {}

    def lane(self, partition: int) -> None:
        """Watch a partition's lane from now on."""
        self._lanes[partition] = _Lane(self._clock())

    def moved(self, partition: int) -> None:
        """Note that the lane got on: a batch committed, or an attempt to open it anew."""
        if lane := self._lanes.get(partition):
            lane.since = self._clock()

    def lag(self, partition: int, records: int) -> None:
        """Note how many records wait for the lane; its time begins when there are some."""
        if lane := self._lanes.get(partition):
            if not lane.lag:
                lane.since = self._clock()
            lane.lag = records

    def waiting(self, partition: int, waits: bool) -> None:  # noqa: FBT001 - the value itself
        """Note whether the lane waits for the store; its time begins anew when it has the answer."""
        if lane := self._lanes.get(partition):
            lane.waiting = waits
            lane.since = self._clock()

    def gone(self, partition: int) -> None:
        """Watch the lane no longer."""
        self._lanes.pop(partition, None)

    def stuck(self) -> list[int]:
        """Return the partitions whose lane has records to read and has not moved for too long."""
        latest = self._clock() - self._limit_s
        return sorted(
            partition
            for partition, lane in self._lanes.items()
            if lane.lag and not lane.waiting and lane.since < latest
        )


class Readiness:
    """Why a worker is not ready; at first because it starts.

    A worker without partitions (there are more workers than partitions) is ready: it could take one at any moment.
    """

    def __init__(self) -> None:
        self._reasons: set[Reason] = {"starting"}

    def because(self, reason: Reason, holds: bool) -> None:  # noqa: FBT001 - the value itself
        """Note whether a reason holds from now on."""
        if holds:
            self._reasons.add(reason)
        else:
            self._reasons.discard(reason)

    def reasons(self) -> list[Reason]:
        """Return the reasons that hold, in alphabetical order; none: ready."""
        return sorted(self._reasons)


class HealthServer:
    """Answers probes and scrapes at `host` and `port` (0: any free one) between `start` and `aclose`."""

    def __init__(
        self, host: str, port: int, *, watch: Watch, readiness: Readiness, exposition: Callable[[], bytes]
    ) -> None:
        self._host = host
        self._port = port
        self._watch = watch
        self._readiness = readiness
        self._exposition = exposition
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=_CLOSE_WITHIN_S)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._runner.addresses[0][1]) if self._runner.addresses else self._port

    async def start(self) -> None:
        """Listen.

        Raises:
            HealthServerError: the address is taken, or not one of this machine's.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise HealthServerError(
                f"http.port {self._port} (http.host {self._host}): can't listen: {_cause(error)}; "
                "expected a free port of an address of this machine (http.port 0: off)"
            ) from error

    async def aclose(self) -> None:
        """Stop listening; requests under way get a moment."""
        await self._runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [web.get("/livez", self._livez), web.get("/readyz", self._readyz), web.get("/metrics", self._metrics)]
        )
        return app

    async def _livez(self, _: web.Request) -> web.Response:
        stuck = self._watch.stuck()
        return _json({"alive": not stuck, "stuck_partitions": stuck}, ok=not stuck)

    async def _readyz(self, _: web.Request) -> web.Response:
        reasons = self._readiness.reasons()
        return _json({"ready": not reasons, "reasons": reasons}, ok=not reasons)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._exposition(), headers={"Content-Type": CONTENT_TYPE})


def _json(document: object, *, ok: bool) -> web.Response:
    return web.Response(status=200 if ok else 503, body=orjson.dumps(document), content_type="application/json")


def _cause(error: OSError) -> str:
    """Return what the system said, without the text that the event loop wraps around it."""
    known = error.errno is not None and error.errno > 0  # those of name look-ups are below 0
    return os.strerror(error.errno).lower() if known and error.errno is not None else str(error.strerror).lower()
