"""Child processes with a log each, away from the terminal's signals: whoever starts them ends them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_STOP_SECONDS = 30
_TAIL_BYTES = 4000


class Child:
    """A command that writes all it says to a log."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._command = command
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None  # noqa: S101 - asked of a child that was started
        return self._process.pid

    @property
    def code(self) -> int | None:
        """What it ended with, None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start it; its log goes on from where it was."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def stop(self) -> None:
        """End it in good order (SIGTERM); if that takes too long, at once."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def has_ended(pid: int) -> bool:
    """Tell whether a child of this process has ended; who started it can still ask it for its exit code."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def tail(log: Path) -> str:
    """Return the end of a log, whole lines."""
    text = log.read_bytes()[-_TAIL_BYTES:].decode(errors="replace")
    return text if len(text) < _TAIL_BYTES else text.partition("\n")[2]
