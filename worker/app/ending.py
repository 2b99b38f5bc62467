"""How a process that works until it is told to stop ends."""

from __future__ import annotations

import asyncio
import os
import signal

_KILLED = 128  # as shells report a process that a signal ended


class Ending:
    """Why the worker ends: somebody asked for it, or it failed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._signalled = False
        self.reason: str | None = None
        self.failure: str | None = None

    def signalled(self, number: signal.Signals) -> None:
        """Ask for the end; the second signal ends the process."""
        if self._signalled:
            os._exit(_KILLED + number)
        self._signalled = True
        self.ask(number.name)

    def ask(self, reason: str) -> None:
        """Ask for the end."""
        self.reason = self.reason or reason
        self._event.set()

    def fail(self, reason: str) -> None:
        """End because the worker can't go on."""
        self.failure = self.failure or reason
        self._event.set()

    def obey_signals(self) -> None:
        """Take SIGTERM and SIGINT for the order to end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.signalled, number)

    def obey_leash(self, leash: int) -> None:
        """Take it for the order to end that the parent lets go of this file descriptor."""
        loop = asyncio.get_running_loop()

        def let_go() -> None:
            loop.remove_reader(leash)
            self.ask("the parent let go")

        loop.add_reader(leash, let_go)

    async def wait(self) -> None:
        """Return when the worker must end."""
        await self._event.wait()
