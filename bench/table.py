"""One row per comparison."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """What was compared, the figures of both sides, and their ratio with its aim."""

    what: str
    ours: str
    theirs: str
    ratio: str
    aim: str


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table, with the machine above them."""
    lines = [machine(), "", "| what | ours | against | ratio | aim |", "|---|---|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def machine() -> str:
    """Describe the machine in one line."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    return f"{os.cpu_count()} cores ({model}), {platform.system()}, CPython {platform.python_version()}"
