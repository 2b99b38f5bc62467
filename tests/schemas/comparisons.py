"""Comparisons as a replay makes them: the examples with their draft active, and there and back again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from examples.handlers import handlers
from tests.definitions_documents import percentage_set
from tests.pipelines import snapshot_of
from tests.report.replayed import batch as records
from tests.report.replayed import login, watched
from worker.app.loading import load_definitions
from worker.app.replay import Other
from worker.experiments.definitions import Snapshot
from worker.records import Record
from worker.report.comparison import Comparison
from worker.summary import Summary

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "definitions"
DRAFT = "exp_mfa_by_segment"


async def comparisons(batch: Sequence[Record]) -> AsyncIterator[dict[str, Any]]:
    """Yield what a summary may have as its `comparison`."""
    now, then = Other("now", loaded(None)), Other("then", loaded(DRAFT), DRAFT)
    yield await compare(batch, now.snapshot, then)
    yield await compare(batch, then.snapshot, now)
    another = percentage_set()
    another["feature_flags"][0]["variations"][1]["overrides"] = {"mode": {"value": "new"}}
    yield await compare(records(login(1)), snapshot_of(percentage_set()), Other("another", snapshot_of(another)))


def loaded(active: str | None) -> Snapshot:
    snapshot = load_definitions([EXAMPLES], active=active).snapshot
    assert snapshot is not None
    return snapshot


async def compare(batch: Sequence[Record], configured: Snapshot, other: Other) -> dict[str, Any]:
    comparison, summary = Comparison(configured, other.snapshot), Summary(configured)
    before = await watched(configured, handlers).process(batch)
    comparison.add(before, await watched(other.snapshot, handlers).process(batch))
    summary.add(before[1])
    return other.named(comparison.document(summary.document([], 0)))
