"""Real records for the schemas: what a replay of simulated traffic writes, with every format and bad input."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from worker.cli.main import app

ROOT = Path(__file__).parents[2]
FILES: Mapping[str, str] = {
    "enriched": "enriched.ndjson",
    "exposure": "exposures.ndjson",
    "enrollment": "enrollments.ndjson",
    "commands": "commands.ndjson",
    "assignment": "assignments.ndjson",
    "dead_letter": "dead_letters.ndjson",
    "summary": "summary.json",
}

Records = Mapping[str, Sequence[Any]]


def records(folder: Path, *, events: int) -> Records:
    """Return what the examples make of the committed log and of so many simulated events, by the schema's name."""
    log, out = folder / "log.ndjson", folder / "out"
    _do("simulate", "--events", str(events), "--people", str(events // 6), "--malformed", "0.02", "--out", str(log))
    log.write_bytes(log.read_bytes() + (ROOT / "examples" / "log.ndjson").read_bytes())
    _do("replay", str(log), "--config", str(ROOT / "examples" / "worker.toml"), "--out", str(out))
    return {name: [json.loads(line) for line in _lines(out / file)] for name, file in FILES.items()}


def _lines(file: Path) -> list[str]:
    text = file.read_text()
    return text.splitlines() if file.suffix == ".ndjson" else [text]


def _do(*arguments: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
