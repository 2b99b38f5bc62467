"""Reading what a scrape returns."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from worker.outputs import BatchResult, DeadLetter, Tallies, no_outputs
from worker.records import Record
from worker.telemetry.metrics import PREFIX, Metrics


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Return every figure by its name, without the prefix, and its labels' values in the order of their names."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    found = [sample for family in families for sample in family.samples]
    return {(each.name.removeprefix(PREFIX), *each.labels.values()): each.value for each in found}


def of(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """Return the figures of one name that are not 0, by the values of its labels."""
    return {tuple(labels): value for (found, *labels), value in samples(metrics).items() if found == name and value}


def new_letter(reason: Any = "not_json") -> DeadLetter:
    return DeadLetter(Record(b"{", "in/0/1"), reason, "message", "decode")


def new_result(*letters: DeadLetter, events: int = 1, **tallies: Any) -> BatchResult:
    return BatchResult(no_outputs(), list(letters), Tallies(events, **tallies), lambda: None)
