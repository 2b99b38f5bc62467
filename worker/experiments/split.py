"""The hash that decides, and what is drawn with it.

The scheme is the one Eppo publishes for its SDKs: the first four bytes of an MD5, read big-endian, modulo 10,000
shards. MD5 is a hash for spreading here, not for security.
"""

from __future__ import annotations

from functools import lru_cache

from worker.experiments.definitions import Allocation, Arm, Experiment

try:  # the interpreter's own MD5 takes half of the time of OpenSSL's on texts as short as these
    from _md5 import md5  # type: ignore[import-not-found] # a module of CPython that typeshed leaves out
except ImportError:  # pragma: no cover - other interpreters, and builds without it
    from hashlib import md5

TOTAL_SHARDS = 10_000
_SHARDS_PER_PERCENT = TOTAL_SHARDS // 100
_REMEMBERED = 1 << 14  # people who come back are not hashed again


def shard(text: str) -> int:
    """Return the shard of a text, 0 to 9,999."""
    digest: bytes = md5(text.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:4], "big") % TOTAL_SHARDS


@lru_cache(_REMEMBERED)
def shards(experiment_id: str, bucketing_key: str) -> tuple[int, int]:
    """Return the key's shard in the ramp and its slot in the split: two separate texts, always."""
    return shard(f"exposure-{bucketing_key}-{experiment_id}"), shard(f"assignment-{bucketing_key}-{experiment_id}")


def in_ramp(experiment: Experiment, bucketing_key: str) -> bool:
    """Tell whether the key is exposed at the current level: raising the level only ever adds keys."""
    level = experiment.level
    return level is None or shards(experiment.id, bucketing_key)[0] < level * _SHARDS_PER_PERCENT


def slot(experiment: Experiment, bucketing_key: str) -> int:
    """Return the key's slot in the split, drawn apart from the ramp's shard so that levels don't move it."""
    return shards(experiment.id, bucketing_key)[1]


def allocation_at(experiment: Experiment, position: int) -> Allocation | None:
    """Return the first allocation whose cumulative weight exceeds the slot; None if the weights end before it."""
    cumulative = 0
    for allocation in experiment.allocations:
        cumulative += allocation.weight * _SHARDS_PER_PERCENT
        if cumulative > position:
            return allocation
    return None


def draw(experiment: Experiment, bucketing_key: str) -> Arm | None:
    """Return the arm that ramp and split give the key; None if it is out of the ramp or past the weights."""
    if not in_ramp(experiment, bucketing_key):
        return None
    allocation = allocation_at(experiment, slot(experiment, bucketing_key))
    return None if allocation is None else allocation.arm
