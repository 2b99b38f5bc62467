"""The values of parameters: their types, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schemas.definitions import Override, Parameter, ParameterType
from worker.experiments.entities import Entities, Entry
from worker.experiments.findings import Finding, Place
from worker.experiments.resolve import Resolved

_NAMES: Mapping[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}
_TYPES: Mapping[ParameterType, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}
_ARTICLES: Mapping[ParameterType, str] = {"array": "an array", "object": "an object"}
_SMALLEST, _LARGEST = -(1 << 63), (1 << 64) - 1


def type_name(value: Any) -> str:
    """Return the JSON type of a value with its article."""
    return _NAMES[type(value)]


def check_values(entities: Entities, experiments: Sequence[Resolved]) -> Iterator[Finding]:
    """Yield the baselines and overrides that contradict their declared types, and the overrides of nothing."""
    for flag in entities.feature_flags.values():
        yield from _parameters(Entry(flag.place.below("parameters"), flag.value.parameters))
    for entry in entities.variations.values():
        own = entities.feature_flags.get(entry.value.feature_flag_id or "")
        if own is not None:
            yield from _overrides(entry.place.below("overrides"), entry.value.overrides, own.value.parameters)
    for resolved in experiments:
        if resolved.parameters is not None:
            yield from _of_experiment(resolved, resolved.parameters)


def _of_experiment(resolved: Resolved, parameters: Entry[Mapping[str, Parameter]]) -> Iterator[Finding]:
    """Yield the same of what the experiment serves, which snapshots may have put together otherwise."""
    yield from _parameters(parameters)
    for variation in resolved.variations.values():
        if variation.feature_flag_id == resolved.experiment.feature_flag_id:
            yield from _overrides(variation.place, variation.overrides, parameters.value)


def _parameters(parameters: Entry[Mapping[str, Parameter]]) -> Iterator[Finding]:
    for name, parameter in parameters.value.items():
        yield from _check(parameters.place.below(name, "value"), parameter.value, parameter.type)


def _overrides(
    place: Place, overrides: Mapping[str, Override], parameters: Mapping[str, Parameter]
) -> Iterator[Finding]:
    for name, override in overrides.items():
        if name in parameters:
            yield from _check(place.below(name, "value"), override.value, parameters[name].type)
        else:
            yield place.below(name).finding("unknown_parameter", "the flag has no such parameter, it is ignored")


def _check(place: Place, value: Any, declared: ParameterType) -> Iterator[Finding]:
    if type(value) not in _TYPES[declared]:
        expected = _ARTICLES.get(declared, f"a {declared}")
        yield place.finding("invalid_shape", f"found {type_name(value)}, expected {expected} as declared")
    elif not _fits_json(value):
        yield place.finding("invalid_shape", "found an integer beyond 64 bits, expected at most 64")


def _fits_json(value: Any) -> bool:
    match value:
        case int():
            return _SMALLEST <= value <= _LARGEST
        case list():
            return all(_fits_json(part) for part in value)
        case dict():
            return all(_fits_json(part) for part in value.values())
        case _:
            return True
