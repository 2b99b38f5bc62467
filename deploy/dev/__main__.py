"""`python -m deploy.dev`: a whole environment in one command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy.dev.environment import Environment, EnvironmentFailedError, Options
from deploy.dev.servers import ServerError


def main() -> int:
    """Run until Ctrl-C; return the exit code: 1 if something failed."""
    given = _arguments().parse_args()
    options = Options(Path(given.folder).absolute(), given.workers, given.rate, given.seconds)
    try:
        Environment(options).run()
    except (ServerError, EnvironmentFailedError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.dev",
        description="Kafka, Redis, workers and simulated traffic, all on this machine. Ctrl-C stops all of it.",
    )
    parser.add_argument("--workers", type=_count, default=1, metavar="N", help="how many workers (1)")
    parser.add_argument("--rate", type=_rate, default=200.0, metavar="N", help="events per second (200)")
    parser.add_argument("--seconds", type=float, default=None, metavar="S", help="stop by itself after so long")
    parser.add_argument("--folder", default=".dev", metavar="DIR", help="data and logs; emptied at the start (.dev)")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number}, expected 1 or more")
    return number


def _rate(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{number}, expected more than 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
