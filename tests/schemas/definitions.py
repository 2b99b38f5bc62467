"""Definitions files as documents: the examples', and one that has every field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.definitions_documents import percentage_set, segment_set
from worker.experiments.documents import read_document

_TIMES = {"created_at": "2025-12-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00.25+01:00"}
_OPERATORS = {"contains": ["a"], "starts_with": ["b"], "ends_with": ["c"], "exists": True}
_RULES = [
    {"match": {"country": ["DE"], "user_agent": _OPERATORS}, "not_match": {"domain": _OPERATORS, "region": ["BE"]}},
    {
        "match_type": "all",
        "conditions": [
            {"attribute": "country", "operator": "equals", "value": "DE"},
            {"attribute": "region", "operator": "in", "value": ["BE", "BB"]},
            {"attribute": "platform", "operator": "exists"},
        ],
    },
]
_PARAMETERS = {"on": {"type": "boolean", "value": False, "description": "whether"}}
_VARIATIONS = [
    {"id": "var_1", "feature_flag_id": "flg_1", "name": "1", "description": "off", "overrides": {}, **_TIMES},
    {"id": "var_2", "feature_flag_id": "flg_1", "overrides": {"on": {"value": True}}},
]


def documents(folder: Path) -> list[Any]:
    """Return the definitions files of a folder and what the tests write, all as plain JSON values."""
    read = [read_document(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]
    return [*read, percentage_set(), segment_set(), full_set()]


def full_set() -> dict[str, Any]:
    """Every field of every entity, with all snapshots and each way to spell a rule."""
    flag = {"id": "flg_1", "name": "flag", "description": "d", "type": "self", "status": "active", **_TIMES}
    nested = [{**variation, "id": f"{variation['id']}_nested"} for variation in _VARIATIONS]
    segment = {"id": "seg_1", "name": "s", "description": "d", "type": "auth0", "status": "active", **_TIMES}
    return {
        "tenant": "acme",
        "feature_flags": [{**flag, "parameters": _PARAMETERS, "variations": nested}],
        "variations": _VARIATIONS,
        "segments": [{**segment, "rules": _RULES}],
        "experiments": [_experiment()],
    }


def _experiment() -> dict[str, Any]:
    snapshots = {
        "variation_snapshot": {"feature_flag_id": "flg_1", "overrides": {"on": {"value": True}}},
        "segment_snapshot": {"status": "active", "rules": _RULES},
    }
    return {
        "id": "exp_1",
        "name": "experiment",
        "description": "d",
        "feature_flag_id": "flg_1",
        "feature_flag_name": "flag",
        "authentication_flow": "authentication",
        "allocation_strategy": "segment",
        "status": "paused",
        "is_valid": True,
        "default_config": {},
        "editable_fields": ["name"],
        "feature_flag_snapshot": {"status": "active", "parameters": _PARAMETERS, "variations": _VARIATIONS},
        "allocations": [
            {"variation_id": "var_2", "segment_id": "seg_1", "priority": 1, "is_control": False, **snapshots},
            {"variation_id": "var_1", "weight": 0, "is_control": True, "is_fallback": True},
        ],
        "assignment_config": {"subject": "user"},
        "levels": [10, 50, 100],
        "current_level": 50,
        "started_at": "2026-01-02T00:00:00Z",
        "ended_at": "2026-02-02T00:00:00Z",
        **_TIMES,
    }
