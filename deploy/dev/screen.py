"""What people see while it runs: messages, and figures in one line."""

from __future__ import annotations

import shutil
import sys

_ANEW = "\r\x1b[K"


class Screen:
    """Standard output: on a terminal the line of figures is written anew every second, elsewhere one every 5 s."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self.every = 1.0 if self._terminal else 5.0

    def say(self, text: str) -> None:
        """Write a message on a line of its own."""
        self._write(f"{_ANEW}{text}\n" if self._terminal else f"{text}\n")

    def show(self, figures: str) -> None:
        """Write the line of figures."""
        width = shutil.get_terminal_size().columns - 1
        self._write(f"{_ANEW}{figures[:width]}" if self._terminal else f"{figures}\n")

    @staticmethod
    def _write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
