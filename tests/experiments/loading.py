"""Load definitions in tests: documents in, findings or experiments out."""

from __future__ import annotations

from typing import Any

import orjson

from worker.experiments.definitions import Experiment, Snapshot
from worker.experiments.parse import Loaded, parse


def load(*documents: Any) -> Loaded:
    """Load each document as a JSON file: `0.json`, `1.json`, …"""
    return parse([(f"{index}.json", orjson.dumps(document)) for index, document in enumerate(documents)])


def load_yaml(text: str) -> Loaded:
    return parse([("0.yaml", text.encode())])


def codes(loaded: Loaded) -> list[str]:
    return [finding.code for finding in loaded.findings]


def messages(loaded: Loaded) -> list[str]:
    return [finding.message for finding in loaded.findings]


def snapshot_of(*documents: Any) -> Snapshot:
    loaded = load(*documents)
    assert loaded.snapshot is not None, loaded.findings
    return loaded.snapshot


def experiment_of(*documents: Any) -> Experiment:
    """Return the first experiment of the documents without a tenant."""
    return next(iter(snapshot_of(*documents).of(None).experiments.values()))


def plain(value: Any) -> Any:
    """Return a frozen value as JSON has it."""
    if hasattr(value, "items"):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, tuple) else value
