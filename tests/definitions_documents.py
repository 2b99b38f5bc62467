"""Definitions as documents, with boring defaults."""

from __future__ import annotations

from typing import Any


def percentage_set(**experiment: Any) -> dict[str, Any]:
    """One flag with a control and a treatment, and an active experiment that gives everybody the treatment."""
    return {
        "feature_flags": [
            {
                "id": "flg_a",
                "name": "a",
                "type": "self",
                "status": "active",
                "parameters": {"mode": {"type": "string", "value": "old"}, "on": {"type": "boolean", "value": False}},
                "variations": [
                    {"id": "var_control", "name": "control", "overrides": {}},
                    {"id": "var_treatment", "name": "treatment", "overrides": {"on": {"value": True}}},
                ],
            }
        ],
        "experiments": [
            {
                "id": "exp_a",
                "name": "a",
                "feature_flag_id": "flg_a",
                "authentication_flow": "authentication",
                "allocation_strategy": "percentage",
                "status": "active",
                "updated_at": "2026-01-01T00:00:00Z",
                "allocations": [
                    {"variation_id": "var_control", "weight": 0, "is_control": True},
                    {"variation_id": "var_treatment", "weight": 100, "is_control": False},
                ],
                **experiment,
            }
        ],
    }


def segment_set(**experiment: Any) -> dict[str, Any]:
    """The same flag, split by segment: phones get the treatment, everybody else the control."""
    document = percentage_set(
        allocation_strategy="segment",
        allocations=[
            {"variation_id": "var_treatment", "segment_id": "seg_phones", "priority": 1, "is_control": False},
            {"variation_id": "var_control", "is_fallback": True, "is_control": True},
        ],
        **experiment,
    )
    rules = [{"match": {"device_type": ["mobile"]}}]
    document["segments"] = [{"id": "seg_phones", "name": "phones", "type": "self", "status": "active", "rules": rules}]
    return document
