"""The hash that decides, and what is drawn with it.

The scheme is the one Eppo publishes for its SDKs: the first four bytes of an MD5, read big-endian, modulo 10,000
shards. MD5 is a hash for spreading here, not for security.
"""

from __future__ import annotations

from hashlib import md5

from worker.experiments.definitions import Allocation, Arm, Experiment

TOTAL_SHARDS = 10_000


def shard(text: str) -> int:
    """Return the shard of a text, 0 to 9,999."""
    return int.from_bytes(md5(text.encode(), usedforsecurity=False).digest()[:4], "big") % TOTAL_SHARDS


def in_ramp(experiment: Experiment, bucketing_key: str) -> bool:
    """Tell whether the key is exposed at the current level: raising the level only ever adds keys."""
    level = experiment.level
    return level is None or shard(f"exposure-{bucketing_key}-{experiment.id}") < level * (TOTAL_SHARDS // 100)


def slot(experiment: Experiment, bucketing_key: str) -> int:
    """Return the key's slot in the split, drawn apart from the ramp's shard so that levels don't move it."""
    return shard(f"assignment-{bucketing_key}-{experiment.id}")


def allocation_at(experiment: Experiment, position: int) -> Allocation | None:
    """Return the first allocation whose cumulative weight exceeds the slot; None if the weights end before it."""
    cumulative = 0
    for allocation in experiment.allocations:
        cumulative += allocation.weight * (TOTAL_SHARDS // 100)
        if cumulative > position:
            return allocation
    return None


def draw(experiment: Experiment, bucketing_key: str) -> Arm | None:
    """Return the arm that ramp and split give the key; None if it is out of the ramp or past the weights."""
    if not in_ramp(experiment, bucketing_key):
        return None
    allocation = allocation_at(experiment, slot(experiment, bucketing_key))
    return None if allocation is None else allocation.arm
