"""One command as several processes: forked from one parent, which waits for them and ends with them.

A Python process uses one core; more cores need more processes. The parent forks before there is an event loop, a client
or a thread, and does nothing but wait. Forking, not starting the command anew, because then settings, definitions and
handlers are read and refused once, every process has the very same ones, whatever is edited meanwhile, and their memory
is shared. Its price: what a handler's module opens while it is imported is shared as well, and Python threads do not
survive a fork (3.12 and later warn of it), so a parent that has some is refused. Threads below Python, like those of
numerical libraries, are their libraries' business, which prepare for forks.

Two pipes connect them:

- The *leash*: the parent holds its writing end and writes nothing. The end of it is a child's order to drain, whether
  the parent lets go or dies. Signals would not do: Ctrl-C, `kill %1` and systemd reach parent and children, and a child
  that got another one from its parent would take it for the second, impatient one.
- The *news*: what the parent reads is the numbers of its own signals, a child's end among them (SIGCHLD), and 0 from a
  child that has started. So one blocking read is all its waiting, and nothing falls between looking and waiting.

The first process starts alone: what only a start can find out is said once. The others follow when it has started. When
one ends that was not told to, all end: what restarts the command restarts all of it, as it would one worker.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import msgspec

_ENDING = (signal.SIGTERM, signal.SIGINT)
_STARTED = 0  # no signal has this number
_NEWS_BYTES = 4096
_FAILED, _REFUSED = 1, 2
_KILLED = 128  # as shells report a process that a signal ended


class ProcessesError(Exception):
    """There can't be several processes; the message says what was found and what was expected."""


class Process(msgspec.Struct, frozen=True):
    """One of the processes, told to itself. `leash` is a file descriptor: readable means drain."""

    number: int
    leash: int
    news: int

    def started(self) -> None:
        """Tell the parent that nothing was refused."""
        with suppress(BrokenPipeError):  # a parent that has died is the leash's matter
            os.write(self.news, bytes([_STARTED]))


class Outcome(msgspec.Struct, frozen=True):
    """How it ended: the command's exit code, and what is to be said of it that no process has said itself."""

    code: int = 0
    message: str | None = None


def prefork(count: int) -> Process | Outcome:
    """Return the process in each of `count` new ones, and in this one the outcome when all have ended.

    SIGTERM or SIGINT lets all of them drain; a second one kills them.

    Raises:
        ProcessesError: this system can't fork, or this process has threads.
    """
    if not hasattr(os, "fork"):
        raise ProcessesError(f"processes is {count}, expected 1: this system can't fork")
    threads = sorted(each.name for each in threading.enumerate() if each is not threading.main_thread())
    if threads:
        raise ProcessesError(
            f"processes is {count}, but the handlers' modules have started threads ({', '.join(threads)}): "
            "expected them to start none when they are imported, or processes = 1"
        )
    gc.freeze()  # the collector would write into the memory that is shared
    return _Parent(count).run()


class _Parent:
    def __init__(self, count: int) -> None:
        self._count = count
        self._numbers: dict[int, int] = {}  # of all children, by their pid
        self._living: set[int] = set()
        self._leash = os.pipe()
        self._news = os.pipe()
        self._heard = (*_ENDING, signal.SIGCHLD)
        self._held = True
        self._signalled = False
        self._outcome = Outcome()

    def run(self) -> Process | Outcome:
        os.set_blocking(self._news[1], False)
        signal.set_wakeup_fd(self._news[1], warn_on_full_buffer=False)
        for number in self._heard:
            signal.signal(number, _nothing)  # the wakeup tells
        process = self._fork()
        while process is None and self._living:
            process = self._hear(os.read(self._news[0], _NEWS_BYTES))
        return process or self._outcome

    def _hear(self, news: bytes) -> Process | None:
        """Do what the news ask for; return the process in a new child."""
        for number in news:
            if number in _ENDING:
                self._end(number)
        for pid, code in _ended():
            if pid in self._living:  # as the first process of a container it inherits others
                self._note_end(pid, code)
        return self._fork_others() if _STARTED in news else None

    def _fork_others(self) -> Process | None:
        process = None
        while process is None and self._held and len(self._numbers) < self._count:
            process = self._fork()
        return process

    def _fork(self) -> Process | None:
        """Return the process in the child. No signal meant for one of the two is heard by the other."""
        sys.stdout.flush()
        sys.stderr.flush()
        number = len(self._numbers)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, self._heard)
        try:
            pid = os.fork()
        except OSError as error:
            self._fail(Outcome(_FAILED, f"process {number} can't be forked: {error.strerror}"))
            return None
        else:
            if pid == 0:
                return self._become(number)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._numbers[pid] = number
        self._living.add(pid)
        return None

    def _become(self, number: int) -> Process:
        """Leave what is the parent's. Until the child listens to signals itself, the leash tells it what matters."""
        signal.set_wakeup_fd(-1)
        for each in _ENDING:
            signal.signal(each, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self._leash[1])
        os.close(self._news[0])
        return Process(number, self._leash[0], self._news[1])

    def _end(self, number: int) -> None:
        """Let the children drain; at the second signal, kill them."""
        if self._signalled:
            self._outcome = Outcome(_KILLED + number)
            for pid in self._living:
                os.kill(pid, signal.SIGKILL)
        self._signalled = True
        self._let_go()

    def _note_end(self, pid: int, code: int) -> None:
        self._living.remove(pid)
        if code or self._held:
            self._fail(self._outcome_of(pid, code))

    def _outcome_of(self, pid: int, code: int) -> Outcome:
        """Return what the command comes to as this process has ended; one that was alone has said itself why."""
        exit_code = _REFUSED if code == _REFUSED else _FAILED
        if code > 0 and len(self._numbers) == 1:
            return Outcome(exit_code)
        how = f"ended with exit code {code}" if code >= 0 else f"was killed by {_name_of(-code)}"
        others = "; the others were told to finish" if self._living else ""
        return Outcome(exit_code, f"process {self._numbers[pid]} (pid {pid}) {how}{others}")

    def _fail(self, outcome: Outcome) -> None:
        """Come to that outcome, if nothing came before it."""
        if self._outcome == Outcome():
            self._outcome = outcome
        self._let_go()

    def _let_go(self) -> None:
        if self._held:
            self._held = False
            os.close(self._leash[1])


def _nothing(*_: object) -> None:
    """Do nothing: a signal without a handler in Python wakes nobody."""


def _name_of(number: int) -> str:
    return f"signal {number} ({signal.strsignal(number)})"


def _ended() -> Iterator[tuple[int, int]]:
    """Yield the pid of each child that has ended, and its exit code or minus the signal that killed it."""
    with suppress(ChildProcessError):  # there are none left
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            yield found[0], os.waitstatus_to_exitcode(found[1])
