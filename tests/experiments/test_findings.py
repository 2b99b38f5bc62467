from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, get_args

import pytest

from tests.definitions_documents import percentage_set, segment_set
from tests.experiments.loading import codes, load
from worker.experiments.findings import Code
from worker.experiments.parse import parse

Document = dict[str, Any]


def flag(document: Document) -> Document:
    found: Document = document["feature_flags"][0]
    return found


def experiment(document: Document) -> Document:
    found: Document = document["experiments"][0]
    return found


def second_experiment(document: Document) -> None:
    document["experiments"].append({**experiment(document), "id": "exp_b"})


def foreign_variation(document: Document) -> None:
    document["feature_flags"].append({**flag(document), "id": "flg_b", "variations": []})
    document["variations"] = [{"id": "var_b", "feature_flag_id": "flg_b", "overrides": {}}]
    experiment(document)["allocations"][1]["variation_id"] = "var_b"


BREAKS: list[tuple[Code, Document, Callable[[Document], object]]] = [
    ("invalid_shape", percentage_set(), lambda it: experiment(it).update(current_level="80")),
    ("duplicate_id", percentage_set(), lambda it: flag(it)["variations"].append({"id": "var_control"})),
    ("dangling_reference", percentage_set(), lambda it: experiment(it).update(feature_flag_id="flg_none")),
    ("feature_flag_not_active", percentage_set(), lambda it: flag(it).update(status="draft")),
    ("experiment_missing_control", percentage_set(), lambda it: experiment(it)["allocations"][0].pop("is_control")),
    (
        "experiment_invalid_allocation_weights",
        percentage_set(),
        lambda it: experiment(it)["allocations"][1].update(weight=99),
    ),
    ("experiment_missing_default", segment_set(), lambda it: experiment(it)["allocations"][1].pop("is_fallback")),
    ("variation_not_from_flag", percentage_set(), foreign_variation),
    ("experiment_active_limit_exceeded", percentage_set(), second_experiment),
    (
        "unknown_parameter",
        percentage_set(),
        lambda it: flag(it)["variations"][1]["overrides"].update(colour={"value": "red"}),
    ),
    ("empty_rule", segment_set(), lambda it: it["segments"][0]["rules"].append({"match": {}})),
    ("missing_updated_at", percentage_set(), lambda it: experiment(it).pop("updated_at")),
]


@pytest.mark.parametrize(("code", "document", "break_it"), BREAKS, ids=[code for code, *_ in BREAKS])
def test_each_mistake_is_one_finding(code: Code, document: Document, break_it: Callable[[Document], object]) -> None:
    broken = deepcopy(document)
    break_it(broken)
    assert (codes(load(broken)), codes(load(document))) == ([code], [])


def test_an_unreadable_file_is_one_finding() -> None:
    assert [codes(parse([("0.yaml", text)])) for text in (b"a: [", b"experiments: []")] == [["invalid_yaml"], []]


def test_every_code_is_produced_by_a_test_here() -> None:
    assert {code for code, *_ in BREAKS} | {"invalid_yaml"} == set(get_args(Code))


@pytest.mark.parametrize("code", ["unknown_parameter", "empty_rule", "missing_updated_at"])
def test_warnings_leave_a_snapshot(code: Code) -> None:
    _, document, break_it = next(entry for entry in BREAKS if entry[0] == code)
    broken = deepcopy(document)
    break_it(broken)
    loaded = load(broken)
    assert [finding.severity for finding in loaded.findings] == ["warning"]
    assert loaded.snapshot is not None


@pytest.mark.parametrize(("code", "document", "break_it"), BREAKS, ids=[code for code, *_ in BREAKS])
def test_a_finding_names_its_file_and_its_entity(
    code: Code, document: Document, break_it: Callable[[Document], object]
) -> None:
    broken = deepcopy(document)
    break_it(broken)
    (finding,) = load({}, broken).findings
    ids = {part["id"] for kind in broken.values() for part in kind}
    assert finding.file == "1.json"
    assert finding.entity_id in ids | {"var_control", "var_treatment"}, code


def test_all_findings_are_reported_not_the_first() -> None:
    document = percentage_set(allocations=[], updated_at=None, current_level=101)
    document["experiments"].append(
        percentage_set(id="exp_b", allocations=[], feature_flag_id="flg_none")["experiments"][0]
    )
    assert codes(load(document)) == [
        "invalid_shape",
        "dangling_reference",
        "experiment_missing_control",
        "experiment_invalid_allocation_weights",
    ]


def test_what_a_broken_entity_defines_is_not_missed_elsewhere() -> None:
    document = percentage_set()
    flag(document)["status"] = "actve"
    assert codes(load(document)) == ["invalid_shape"]


def test_what_an_unreadable_file_defines_is_not_missed_elsewhere() -> None:
    document = percentage_set()
    flags = b"feature_flags:\n- id: flg_a\n  variations: [{id: var_control}, {id: var_treatment}\n"
    experiments = f"experiments: {document['experiments']}".replace("True", "true").replace("False", "false")
    assert codes(parse([("flags.yaml", flags), ("experiments.yaml", experiments.encode())])) == ["invalid_yaml"]
