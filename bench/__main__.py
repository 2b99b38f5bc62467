"""`python -m bench`: run every comparison and print the table."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench import decision, memory, replay
from bench.table import markdown


def main() -> None:
    """Run the comparisons one after the other."""
    with tempfile.TemporaryDirectory(prefix="experiment-worker-bench-") as folder:
        rows = []
        for comparison in (replay.compare, memory.compare, decision.compare):
            print(f"{comparison.__module__} …", file=sys.stderr)
            rows += comparison(Path(folder))
    print(markdown(rows))


if __name__ == "__main__":
    main()
