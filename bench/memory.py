"""Peak memory of a replay: twenty times the events of the same people must not need more."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bench.replay import EXAMPLES, write_log
from bench.table import Row

PEOPLE = 2000
FEW, MANY = 20_000, 400_000


def compare(folder: Path) -> list[Row]:
    """Return one row."""
    few, many = (_peak(folder, events) for events in (FEW, MANY))
    what = f"replay, peak memory of {MANY:,} events of {PEOPLE:,} people against {FEW:,}"
    return [Row(what, f"{many / 1024:.0f} MiB", f"{few / 1024:.0f} MiB", f"{many / few:.2f} x", "≤ 1.2 x")]


def _peak(folder: Path, events: int) -> int:
    """Return the peak resident memory of a replay process in KiB."""
    log = folder / f"{events}.ndjson"
    write_log(log, events, PEOPLE)
    command = [
        str(Path(sys.executable).parent / "experiment-worker"),
        "replay",
        str(log),
        "--config",
        str(EXAMPLES / "worker.toml"),
        "--out",
        str(folder / "out"),
        "--json",
    ]
    process = os.posix_spawn(
        command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    )
    _, status, usage = os.wait4(process, 0)
    assert os.waitstatus_to_exitcode(status) == 0, f"the replay of {events} events failed"
    log.unlink()
    return usage.ru_maxrss
