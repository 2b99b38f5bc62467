"""Every record that is read and written is what its schema says, and what it does not say is refused."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.catalogue import CONTRACTS, DIALECT
from tests.schemas.checking import SCHEMAS, VALIDATORS, wrongs
from tests.schemas.fields import ENTRY, KEY, VALUE, Field, Path, fields_of, places

FIELDS = {name: fields_of(schema) for name, schema in SCHEMAS.items()}
NAMES = sorted(SCHEMAS)
OUTPUTS = sorted(contract.name for contract in CONTRACTS if contract.direction == "output")
WRONG: dict[str, Any] = {"object": {}, "array": [], "string": "", "number": 0.5, "boolean": True, "null": None}
KIND = {
    dict: "object",
    list: "array",
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}
NEVER_HERE = {
    ("dead-letter", ("reason",)): {"crashed", "output_too_large"},  # of a worker on Kafka
    ("dead-letter", ("stage",)): {"emit"},
    ("dead-letter-headers", ("error.reason",)): {"crashed"},  # written by a lane after a crash
    ("commands", ("trigger",)): {"post_user_registration"},  # its api has only the cache, as yet
    ("summary", ("dead_letters", KEY)): {
        "empty", "too_large", "handler_failed", "handler_timeout", "output_too_large", "crashed",
    },
    ("summary", ("decisions", KEY)): {"reassigned", "store_down", "paused"},
    ("summary", ("warnings", KEY)): {"experiment_circuit_open", "definitions_behind"},
    ("exposure", ("warnings", "[]")): {"experiment_not_found", "definitions_behind"},  # only ever beside null
}  # fmt: skip


def declared(name: str, **wanted: bool) -> Iterator[tuple[Path, Field]]:
    """The fields of a schema below its top."""
    for path, field in FIELDS[name].items():
        if path and all(getattr(field, trait) == value for trait, value in wanted.items()):
            yield path, field


def absent(document: Any, path: Path) -> bool:
    """Tell whether what could have that field is there, without it."""
    if len(path) == 1:
        return path[0] not in document
    parents = [parent[key] for parent, key in places(document, path[:-1])]
    return any(isinstance(parent, dict) and path[-1] not in parent for parent in parents)


def spoilt(documents: list[Any], path: Path, value: Any = None, *, absent: bool = False) -> Any:
    """The first document that has something there, with that left out or replaced; None if none has."""
    found = next((document for document in documents if next(places(document, path), None)), None)
    if found is None:
        return None
    changed = deepcopy(found)
    parent, key = next(places(changed, path))
    if path[-1] == KEY:
        parent[value] = parent.pop(key)
    elif absent:
        del parent[key]
    else:
        parent[key] = value
    return changed


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_a_schema_of_2020_12_with_an_id_of_its_own(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$schema"] == DIALECT
    assert SCHEMAS[name]["$id"] == f"urn:experiment-worker:schemas:{name}:1"
    assert SCHEMAS[name]["description"]


@pytest.mark.parametrize("name", NAMES)
def test_every_record_is_what_its_schema_says(name: str, written: dict[str, list[Any]]) -> None:
    assert written[name]
    assert [found for document in written[name] for found in wrongs(VALIDATORS[name], document)] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_record_without_a_required_field_is_refused(name: str, written: dict[str, list[Any]]) -> None:
    for path, _ in declared(name, required=True):
        changed = spoilt(written[name], path, absent=True)
        assert changed is not None, path
        assert wrongs(VALIDATORS[name], changed), path


@pytest.mark.parametrize("name", NAMES)
def test_a_word_that_is_not_in_its_closed_list_is_refused(name: str, written: dict[str, list[Any]]) -> None:
    for path, field in declared(name):
        if field.words is not None:
            changed = spoilt(written[name], path, "no_such_word")
            assert changed is not None, path
            assert wrongs(VALIDATORS[name], changed), path


@pytest.mark.parametrize("name", NAMES)
def test_a_value_of_another_type_is_refused(name: str, written: dict[str, list[Any]]) -> None:
    for path, field in declared(name):
        kinds = field.kinds | ({"number"} & {kind.replace("integer", "number") for kind in field.kinds})
        for wrong in WRONG.keys() - kinds if field.kinds and path[-1] != KEY else ():
            changed = spoilt(written[name], path, WRONG[wrong])
            assert changed is None or wrongs(VALIDATORS[name], changed), (path, wrong)


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_uses_all_that_its_schema_leaves_open(name: str, written: dict[str, list[Any]]) -> None:
    """A null, an absence or a word that never comes would make readers handle what does not happen."""
    for path, field in declared(name):
        if name.startswith("enriched") and "experiment" not in path:
            continue  # the input's own
        values = [
            parent[key] if path[-1] != KEY else key for each in written[name] for parent, key in places(each, path)
        ]
        assert values, path
        assert field.kinds - {KIND[type(value)] for value in values} == set(), path
        if not field.required and path[-1] not in {ENTRY, VALUE, KEY}:
            assert any(absent(each, path) for each in written[name]), path
        missing: set[str] = set(field.words or ()) - {value for value in values if isinstance(value, str)}
        assert missing == NEVER_HERE.get((name, path), set()), path


def test_a_log_event_without_a_field_that_marks_one_is_refused() -> None:
    assert wrongs(VALIDATORS["tenant-log-event"], {"type": "s", "log_id": "1"}) == []
    assert wrongs(VALIDATORS["tenant-log-event"], {"type": "s"})


@pytest.mark.parametrize(("operator", "value"), [("equals", ["a"]), ("in", "a"), ("exists", "yes"), ("not_in", None)])
def test_a_condition_whose_value_does_not_fit_its_operator_is_refused(operator: str, value: Any) -> None:
    condition = {"attribute": "country", "operator": operator, "value": value}
    rule = {"match_type": "all", "conditions": [condition]}
    assert wrongs(VALIDATORS["definitions"], {"segments": [{"id": "seg_a", "rules": [rule]}]})


def test_readers_are_told_that_fields_may_be_added() -> None:
    for name in OUTPUTS:
        assert "ignore those that you don't know" in SCHEMAS[name]["$comment"]
        assert SCHEMAS[name]["additionalProperties"] is True
