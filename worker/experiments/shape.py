"""Give a document its shape: entities where it is sound, findings where it is not.

A broken entity does not hide the others. What it defines counts as defined, so that one mistake is one finding.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.definitions import (
    Allocation,
    DefinitionsFile,
    Experiment,
    FeatureFlag,
    NestedVariation,
    Segment,
    Variation,
)
from worker.experiments.entities import Contents, E, Entry
from worker.experiments.findings import Finding, Place
from worker.experiments.values import type_name

_KINDS = ("feature_flags", "variations", "segments", "experiments")
_KEYS = ("tenant", *_KINDS)
_MODELS: Mapping[str, type[BaseModel]] = {
    "feature_flags": FeatureFlag,
    "variations": Variation,
    "segments": Segment,
    "experiments": Experiment,
}
_NEARLY = 0.88  # of difflib's ratio: a letter or two of a word
_FOREIGN = ("x-", "$")  # places for anchors, and for the name of the schema
_EXPECTED: Mapping[str, str] = {
    "string_type": "a string",
    "int_type": "an integer",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "literal_error": "{expected}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "string_too_short": "a string that is not empty",
    "value_error": "{error}",
}
_VALUE_MATTERS = {"literal_error", "greater_than_equal", "less_than_equal", "string_too_short"}
_LONGEST_VALUE = 40
_ID_IN_TEXT = re.compile(rb"""\bid["']?\s*:\s*["']?([^"'\s,}]+)""")


def shape(file: str, document: Any) -> tuple[Contents, list[Finding]]:
    """Return what is sound of a document, and what is wrong with the rest."""
    top = Place(file)
    if document is None:
        return Contents(tenant=None), []
    if not isinstance(document, dict):
        return Contents(tenant=None), [top.finding("invalid_shape", f"found {type_name(document)}, expected an object")]
    known = {key: document[key] for key in _KEYS if document.get(key) is not None}
    errors = _errors(known)
    findings = [*_unknown_keys(top, document), *_misspelt_fields(top, known)]
    findings += (_finding(top, known, error) for error in errors)
    return _contents(top, known, {error["loc"][:2] for error in errors}), findings


def ids_in_text(content: bytes) -> frozenset[str]:
    """Return the ids that a file seems to define, whether or not it can be read."""
    return frozenset(found.decode(errors="replace") for found in _ID_IN_TEXT.findall(content))


def _errors(document: dict[str, Any]) -> list[ErrorDetails]:
    try:
        DefinitionsFile.model_validate(document)
    except ValidationError as error:
        return error.errors(include_url=False)
    return []


def _unknown_keys(top: Place, document: dict[str, Any]) -> Iterator[Finding]:
    for key in document:
        if key not in _KEYS and not key.startswith(_FOREIGN):
            close = difflib.get_close_matches(key, _KEYS, n=1)
            meant = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(_KEYS)}"
            yield top.below(key).finding("invalid_shape", f"no such key; {meant}")


def _misspelt_fields(top: Place, document: dict[str, Any]) -> Iterator[Finding]:
    """Find unknown fields that are nearly a known one: unknown ones are kept, but a misspelt level would be no ramp."""
    for kind, model in _MODELS.items():
        entities = document.get(kind)
        for index, entity in enumerate(entities if isinstance(entities, list) else ()):
            place = top.below(kind, index)
            if isinstance(entity, dict) and isinstance(entity.get("id"), str):
                place = place.of(entity["id"])
            yield from _misspelt_in(place, entity, model)
            allocations = entity.get("allocations") if isinstance(entity, dict) and model is Experiment else None
            for number, allocation in enumerate(allocations if isinstance(allocations, list) else ()):
                yield from _misspelt_in(place.below("allocations", number), allocation, Allocation)


def _misspelt_in(place: Place, entity: Any, model: type[BaseModel]) -> Iterator[Finding]:
    unknown = entity.keys() - model.model_fields.keys() if isinstance(entity, dict) else ()
    for key in sorted(key for key in unknown if isinstance(key, str)):
        absent = sorted(model.model_fields.keys() - entity.keys())
        swapped = [name for name in absent if sorted(name) == sorted(key)]
        for close in (swapped or difflib.get_close_matches(key, absent, n=1, cutoff=_NEARLY))[:1]:
            yield place.below(key).finding("invalid_shape", f"no such field; did you mean {close}?")


def _finding(top: Place, document: dict[str, Any], error: ErrorDetails) -> Finding:
    steps = [step for step in error["loc"] if step != "[key]" and not str(step).startswith("<")]
    place = top.below(*steps)
    match steps:
        case [str(kind), int(index), *_]:
            entity = document[kind][index]
            id_ = entity.get("id") if isinstance(entity, dict) else None
            place = place.of(id_) if isinstance(id_, str) else place
    return place.finding("invalid_shape", _message(error))


def _message(error: ErrorDetails) -> str:
    kind, value = error["type"], error["input"]
    if kind == "missing":
        return "missing"
    shown = kind in _VALUE_MATTERS and isinstance(value, (str, int))
    found = repr(value)[:_LONGEST_VALUE] if shown else type_name(value)
    return f"found {found}, expected {_expected(error)}"


def _expected(error: ErrorDetails) -> str:
    kind, details = error["type"], error.get("ctx", {})
    return _EXPECTED[kind].format(**details) if kind in _EXPECTED else error["msg"]


def _contents(top: Place, document: dict[str, Any], broken: set[tuple[str | int, ...]]) -> Contents:
    """Return the sound entities, each at its own index."""
    sound = {
        kind: {index: raw for index, raw in enumerate(document[kind]) if (kind, index) not in broken}
        for kind in document.keys() & set(_KINDS)
        if (kind,) not in broken
    }
    tenant = document.get("tenant")
    file = DefinitionsFile.model_validate({kind: list(entities.values()) for kind, entities in sound.items()})

    def entries(kind: str, entities: Sequence[E]) -> tuple[Entry[E], ...]:
        indices = sound.get(kind, ())
        places = (top.below(kind, index) for index in indices)
        return tuple(Entry(place.of(it.id), it) for place, it in zip(places, entities, strict=True))

    flags = entries("feature_flags", file.feature_flags)
    return Contents(
        tenant if tenant is None else str(tenant),  # a wrong one still tells files apart
        flags,
        (*_nested(flags), *entries("variations", file.variations)),
        entries("segments", file.segments),
        entries("experiments", file.experiments),
    )


def _nested(flags: Sequence[Entry[FeatureFlag]]) -> Iterator[Entry[NestedVariation]]:
    for flag in flags:
        for index, variation in enumerate(flag.value.variations or ()):
            place = flag.place.below("variations", index).of(variation.id)
            flag_id = variation.feature_flag_id or flag.value.id
            yield Entry(place, variation.model_copy(update={"feature_flag_id": flag_id}))
