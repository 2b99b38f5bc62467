"""CPU per event of a replay, against a loop that only decodes and encodes each line with orjson.

Two handlers, all outputs, native events as they come (about 1.7 KB each).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median

import orjson

from bench.table import Row
from worker.app.loading import load_definitions
from worker.app.replay import Replay, run_replay
from worker.handlers.load import load_handlers
from worker.settings import Definitions, Settings
from worker.simulate.options import TrafficOptions
from worker.simulate.traffic import generate
from worker.streams.logs import find_logs
from worker.telemetry.logs import configure

EVENTS = 40_000
ROUNDS = 5
EXAMPLES = Path(__file__).parent.parent / "examples"

HANDLERS = """
from worker import Handlers

handlers = Handlers()


@handlers.post_login
def conditional_mfa(event, api):
    if event.experiment and event.experiment.config["require_mfa"].value is True:
        api.multifactor.enable("any", allow_remember_browser=False)


@handlers.post_login
def experiment_claim(event, api):
    if event.experiment:
        api.id_token.set_custom_claim(
            "https://example.com/experiment",
            {"experiment_id": event.experiment.experiment_id, "variation_id": event.experiment.variation_id},
        )
"""


class _Quiet:
    """Progress that nobody looks at."""

    def read(self, size: int) -> None:
        """Ignore it."""

    def of(self, records: int, whole: int) -> None:
        """Forget it."""

    def processed(self, events: int) -> None:
        """Ignore it."""


def compare(folder: Path) -> list[Row]:
    """Return one row."""
    configure("warning")
    log = folder / "log.ndjson"
    size = write_log(log, EVENTS, people=2000)
    handlers = folder / "bench_handlers.py"
    handlers.write_text(HANDLERS)
    job = _job(log, handlers, folder / "out")
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(_cpu(lambda: _decode_and_encode(log)))
        ours.append(_cpu(lambda: asyncio.run(run_replay(job, _Quiet()))))
    ratio = median(ours) / median(theirs)
    what = f"replay, CPU per event ({size / EVENTS / 1000:.1f} KB) against orjson.loads + orjson.dumps"
    return [Row(what, f"{median(ours):.1f} µs", f"{median(theirs):.1f} µs", f"{ratio:.2f} x", "≤ 4 x")]


def write_log(log: Path, events: int, people: int) -> int:
    """Write that many native trigger events of simulated people; return the bytes."""
    lines = islice(_native(events, people), events)
    size = 0
    with log.open("wb") as file:
        for line in lines:
            size += file.write(line + b"\n")
    return size


def _native(events: int, people: int) -> Iterator[bytes]:
    traffic = generate(TrafficOptions(events=events * 3, people=people, seed=1))
    return (line for line in traffic if line.startswith(b'{"id"'))


def _job(log: Path, handlers: Path, out: Path) -> Replay:
    settings = Settings(definitions=Definitions(path=EXAMPLES / "definitions"), handlers=(str(handlers),))
    snapshot = load_definitions([EXAMPLES / "definitions"]).snapshot
    assert snapshot is not None
    registry = load_handlers(settings.handlers, base=Path.cwd())
    return Replay(find_logs([str(log)]), settings, snapshot, registry, out)


def _decode_and_encode(log: Path) -> None:
    with log.open("rb") as file:
        for line in file:
            orjson.dumps(orjson.loads(line))


def _cpu(job: object) -> float:
    """Return the CPU time per event in µs, system time included."""
    assert callable(job)
    started = time.process_time()
    job()
    return (time.process_time() - started) / EVENTS * 1e6
