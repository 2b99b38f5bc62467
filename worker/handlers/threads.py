"""Threads for handlers that block, and that may never come back.

A thread can't be stopped from outside, so a handler that hangs keeps its thread for ever. `ThreadPoolExecutor` (and
with it `asyncio.to_thread`) joins its threads when the interpreter ends, and `asyncio.run` waits for them before that:
one handler that hangs would keep the worker from ever stopping. So these threads are daemons that nobody joins. One
that overstays its time is given up: its result is dropped, it keeps counting against the limit until it does come back,
and the next job gets another thread. When all of them are stuck, jobs are refused at once rather than kept for ever.

Everything but the jobs themselves happens on the event loop's thread, so nothing here needs a lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple, TypeVar

Result = TypeVar("Result")

Inbox = SimpleQueue[Callable[[], None] | None]  # of one thread: its jobs, None to end


class Ended(NamedTuple):
    """How a job ended: with a result, or with an error."""

    result: object
    error: BaseException | None


class Threads:
    """Runs blocking functions in up to `limit` threads, those that are stuck included."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._busy = 0
        self._stuck = 0
        self._idle: list[Inbox] = []
        self._changed = asyncio.Event()
        self._closed = False

    async def run(self, function: Callable[[], Result], seconds: float) -> Result:
        """Return what the function returns, or raise what it raises. Waiting for a thread takes nothing of its time.

        Raises:
            TimeoutError: it takes longer, or all threads are stuck.
        """
        await self._claim()
        ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        inbox = self._idle.pop() if self._idle else _start_thread()
        inbox.put(lambda: self._work(function, ended, inbox))
        try:
            await asyncio.wait({ended}, timeout=seconds)
        finally:
            self._give_up(ended)
        if ended.cancelled():
            raise TimeoutError
        result, error = ended.result()
        if error is not None:
            raise error
        return result  # type: ignore[return-value]  # without an error it is the function's

    def close(self) -> None:
        """End the threads that have nothing to do; those that are stuck end when they come back."""
        self._closed = True
        while self._idle:
            self._idle.pop().put(None)

    async def _claim(self) -> None:
        while self._busy == self._limit:
            if self._stuck == self._limit:
                raise TimeoutError
            self._changed.clear()
            await self._changed.wait()
        self._busy += 1

    def _give_up(self, ended: asyncio.Future[Ended]) -> None:
        if ended.cancel():
            self._stuck += 1
            self._changed.set()

    def _work(self, function: Callable[[], object], ended: asyncio.Future[Ended], inbox: Inbox) -> None:
        """Run the job, on its thread."""
        try:
            how = Ended(function(), None)
        except BaseException as error:  # noqa: BLE001 - whatever it is belongs to who asked for the job
            how = Ended(None, error)
        try:
            ended.get_loop().call_soon_threadsafe(self._come_back, how, ended, inbox)
        except RuntimeError:  # the loop is closed: nobody asks any more
            inbox.put(None)

    def _come_back(self, how: Ended, ended: asyncio.Future[Ended], inbox: Inbox) -> None:
        """Take the thread back, on the loop."""
        self._busy -= 1
        if ended.cancelled():
            self._stuck -= 1
        else:
            ended.set_result(how)
        if self._closed:
            inbox.put(None)
        else:
            self._idle.append(inbox)
        self._changed.set()


def _start_thread() -> Inbox:
    inbox: Inbox = SimpleQueue()
    Thread(target=_serve, args=(inbox,), name="handler", daemon=True).start()
    return inbox


def _serve(inbox: Inbox) -> None:
    while (job := inbox.get()) is not None:
        job()
        del job  # while it waits it must not keep the last event alive
