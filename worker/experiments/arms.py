"""The arms of an experiment: what each variation serves, merged and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import orjson

from schemas.definitions import Override, Parameter
from worker.experiments.definitions import Arm


def merge_config(parameters: Mapping[str, Parameter], overrides: Mapping[str, Override]) -> dict[str, Any]:
    """Return every parameter's value in the flag's order: the override, else the baseline.

    An override of a parameter that the flag lacks is ignored.
    """
    return {name: overrides.get(name, parameter).value for name, parameter in parameters.items()}


def new_arm(experiment_id: str, variation_id: str, config: Mapping[str, Any], *, is_control: bool) -> Arm:
    """Return the arm with its context as the enriched record carries it."""
    context = {
        "experiment_id": experiment_id,
        "variation_id": variation_id,
        "config": {name: {"value": value} for name, value in config.items()},
        "is_control": is_control,
    }
    return Arm(variation_id, is_control, freeze(config), orjson.dumps(context))


def freeze(value: Any) -> Any:
    """Return a JSON value that nobody can change: objects as read-only mappings, arrays as tuples."""
    if isinstance(value, Mapping):
        return MappingProxyType({name: freeze(part) for name, part in value.items()})
    if isinstance(value, list):
        return tuple(freeze(part) for part in value)
    return value
