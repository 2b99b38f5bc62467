"""A simulated log, written."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from worker.simulate.lines import Tally
from worker.simulate.options import TrafficOptions
from worker.simulate.traffic import generate_lines
from worker.streams.line_file import open_lines

_CHUNK = 256


def write_log(options: TrafficOptions, out: str, written: Callable[[int], None]) -> Tally:
    """Write a log to a file or `-` and return what is in it; `written` is told how many lines there are so far.

    Raises:
        UnwritableLinesError: the file can't be written.
    """
    tally = Tally()
    lines = generate_lines(options)
    with open_lines(out) as sink:
        while chunk := list(islice(lines, _CHUNK)):
            sink.write(b"".join([line.value + b"\n" for line in chunk]))
            tally.add(chunk)
            written(tally.lines)
    return tally
