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
    "rebuild": rebuild.compare,
    "delivery": delivery.compare,
    "claims": claims.compare,  # these come last: their servers are large, and memory is told of the largest child
    "worker": worker.compare,
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
