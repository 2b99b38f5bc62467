"""What the workers under test are configured with: one experiment with three variations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from worker.app.loading import load_definitions
from worker.experiments.definitions import Experiment

EXPERIMENT_ID = "exp_faults"
TENANT = "acme"
PEPPER = "the pepper of the faults"
ENROLLED = frozenset({"var_b", "var_c"})  # the variations whose new users the handler enrols
_WEIGHTS = {"var_a": 34, "var_b": 33, "var_c": 33}


def write_definitions(folder: Path, edition: int = 0) -> Path:
    """Write the definitions and return their file; each edition has other weights than the one before."""
    file = folder / "definitions.json"
    aside = folder / "definitions.json.new"
    aside.write_bytes(orjson.dumps(_document(edition)))
    aside.replace(file)
    return file


def load_experiment(file: Path) -> Experiment:
    """Return the experiment as a worker reads it."""
    snapshot = load_definitions([file]).snapshot
    assert snapshot is not None
    return snapshot.of(TENANT).experiments[EXPERIMENT_ID]


def _document(edition: int) -> dict[str, Any]:
    names, weights = list(_WEIGHTS), list(_WEIGHTS.values())
    if edition:
        weights = [8, 8, 8]
        weights[edition % len(weights)] = 84
    variations = [
        {"id": id_, "name": id_, "overrides": {"enroll": {"value": True}} if id_ in ENROLLED else {}} for id_ in names
    ]
    flag = {
        "id": "flg_faults",
        "name": "faults",
        "type": "self",
        "status": "active",
        "parameters": {"enroll": {"type": "boolean", "value": False}},
        "variations": variations,
    }
    experiment = {
        "id": EXPERIMENT_ID,
        "name": "faults",
        "feature_flag_id": flag["id"],
        "authentication_flow": "authentication",
        "allocation_strategy": "percentage",
        "status": "active",
        "updated_at": f"2026-01-01T00:{edition:02}:00Z",
        "allocations": [
            {"variation_id": id_, "weight": weight, "is_control": id_ not in ENROLLED}
            for id_, weight in zip(names, weights, strict=True)
        ],
    }
    return {"feature_flags": [flag], "experiments": [experiment]}
