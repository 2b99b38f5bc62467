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


def write_definitions(folder: Path) -> Path:
    """Write the definitions and return their file."""
    file = folder / "definitions.json"
    file.write_bytes(orjson.dumps(_document()))
    return file


def load_experiment(file: Path) -> Experiment:
    """Return the experiment as a worker reads it."""
    snapshot = load_definitions([file]).snapshot
    assert snapshot is not None
    return snapshot.of(TENANT).experiments[EXPERIMENT_ID]


def _document() -> dict[str, Any]:
    variations = [
        {"id": id_, "name": id_, "overrides": {"enroll": {"value": True}} if id_ in ENROLLED else {}}
        for id_ in _WEIGHTS
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
        "updated_at": "2026-01-01T00:00:00Z",
        "allocations": [
            {"variation_id": id_, "weight": weight, "is_control": id_ not in ENROLLED}
            for id_, weight in _WEIGHTS.items()
        ],
    }
    return {"feature_flags": [flag], "experiments": [experiment]}
