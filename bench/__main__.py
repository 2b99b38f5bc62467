"""`python -m bench [NAME…]`: run every comparison, or those named, and print the table."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench import claims, decision, delivery, memory, rebuild, replay, worker
from bench.table import markdown

COMPARISONS = {
    "replay": replay.compare,
    "memory": memory.compare,
    "decision": decision.compare,
    "claims": claims.compare,
    "rebuild": rebuild.compare,
    "delivery": delivery.compare,
    "worker": worker.compare,  # last: its servers are large, and memory is told of the largest child
}


def main() -> None:
    """Run the comparisons one after the other."""
    with tempfile.TemporaryDirectory(prefix="experiment-worker-bench-") as folder:
        rows = []
        for name in sys.argv[1:] or COMPARISONS:
            print(f"{name} …", file=sys.stderr)
            rows += COMPARISONS[name](Path(folder))
    print(markdown(rows))


if __name__ == "__main__":
    main()
