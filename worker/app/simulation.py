"""A simulation into a topic: what `simulate --out kafka://…` composes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from worker.app.kafka_access import compression_of, connection_of
from worker.settings import Settings
from worker.simulate.lines import Tally
from worker.simulate.options import TrafficOptions
from worker.simulate.send import Pace, send_log
from worker.streams.kafka.feed import open_feed

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Simulation(msgspec.Struct, frozen=True):
    """What to send, into which topic, at which pace."""

    options: TrafficOptions
    topic: str
    pace: Pace


async def run_simulation(job: Simulation, settings: Settings, tally: Tally, sent: Callable[[int], None]) -> bool:
    """Send a log and count in `tally` what the brokers have; tell whether it was sent to its end.

    SIGINT and SIGTERM end it when what is under way has arrived; a second one does not wait for that.

    Raises:
        ClusterError: no broker answers, there is no such topic, or a record is refused.
    """
    with _stopped_by_signals() as stop:
        async with open_feed(connection_of(settings), job.topic, compression_of(settings)) as feed:
            await send_log(job.options, feed, job.pace, stop=stop, tally=tally, sent=sent)
    return not stop.is_set()


@contextmanager
def _stopped_by_signals() -> Iterator[asyncio.Event]:
    loop, stop, task = asyncio.get_running_loop(), asyncio.Event(), asyncio.current_task()

    def signalled() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        loop.add_signal_handler(number, signalled)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
