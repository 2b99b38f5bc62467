"""The long form: every scenario with much traffic and many faults. `python -m tests.faults.soak --events 100000`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from deploy.dev.servers import Kafka, Redis
from tests.faults.scenarios import CONTROLS, SCENARIOS, Report, Size, perform

_BATCH = 50  # small: many transactions, and work that lasts until the fault comes
_PATIENCE = 180.0
_HEAD = ("scenario", "events", "faults", "on live work", "rebalances", "verdict", "seconds")


def main() -> int:
    """Perform scenarios one after the other, print a table, exit 1 if one does not hold."""
    options = _options()
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that servers go away is the point
    print(f"seed {seed}", flush=True)  # noqa: T201 - a command's result
    with tempfile.TemporaryDirectory(prefix="soak-") as temporary:
        folder = options.keep or Path(temporary)
        reports = _perform_all(options.only or [*SCENARIOS, *CONTROLS], options.events, seed, folder)
        rows = list(_table(reports, seed))
    print("\n".join(rows))  # noqa: T201 - a command's result
    if options.out:
        options.out.write_text("\n".join([*rows, ""]))
    return int(not all(map(_as_expected, reports)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000, help="inputs of each scenario")
    parser.add_argument("--seed", type=int, help="of traffic and faults; drawn and printed if not given")
    parser.add_argument("--only", action="append", choices=[*SCENARIOS, *CONTROLS], help="may be repeated")
    parser.add_argument("--keep", type=Path, help="a new folder for the servers' data and the workers' logs")
    parser.add_argument("--out", type=Path, help="a file for the table (Markdown)")
    return parser.parse_args()


def _perform_all(names: Sequence[str], events: int, seed: int, folder: Path) -> list[Report]:
    kafka, redis = Kafka(folder / "kafka"), Redis(folder / "redis")
    kafka.start()
    redis.start()
    try:
        return [_perform(name, events, seed, (kafka, redis), folder / "runs" / name) for name in names]
    finally:
        redis.stop()
        kafka.stop()


def _perform(name: str, events: int, seed: int, servers: tuple[Kafka, Redis], folder: Path) -> Report:
    folder.mkdir(parents=True)
    size = Size(events, {**SCENARIOS, **CONTROLS}[name].long, _BATCH, _PATIENCE)
    report = asyncio.run(perform(name, size, seed, servers, folder))
    print(f"{name}: {_verdict(report)}, {report.seconds:.0f} s", file=sys.stderr, flush=True)  # noqa: T201 - progress
    if not _as_expected(report):
        print(f"{report.verdict}\nexits {report.exits}, no work at {report.idle_hits}", file=sys.stderr, flush=True)  # noqa: T201 - what differs
    return report


def _as_expected(report: Report) -> bool:
    """Tell whether a scenario holds, its workers ended well and its faults hit; a control must break its rules."""
    if report.name in CONTROLS:
        return CONTROLS[report.name].broken <= report.verdict.differences.keys()
    return report.verdict.holds and not any(report.exits) and not report.idle_hits


def _verdict(report: Report) -> str:
    return "holds" if report.verdict.holds else "differs: " + ", ".join(report.verdict.differences)


def _table(reports: Sequence[Report], seed: int) -> Iterator[str]:
    yield f"Seed {seed}; batches of {_BATCH}. Controls are broken on purpose and must differ."
    yield ""
    yield "| " + " | ".join(_HEAD) + " |"
    yield "|---" * len(_HEAD) + "|"
    for report in reports:
        live = len(report.hits) - len(report.idle_hits)
        name = f"control: {report.name}" if report.name in CONTROLS else report.name
        cells = (name, f"{report.events:,}", len(report.hits), live, report.rebalances, _verdict(report))
        yield "| " + " | ".join(map(str, cells)) + f" | {report.seconds:.0f} |"


if __name__ == "__main__":
    sys.exit(main())
