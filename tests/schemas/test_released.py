"""What was released stays readable: old records validate, and schemas keep what old ones promised."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.catalogue import CONTRACTS, Contract
from tests.schemas.checking import SCHEMAS, VALIDATORS, validator, wrongs
from tests.schemas.compatibility import ADVICE, breaches
from tests.schemas.freeze import RELEASED, freeze

VERSIONS = sorted(folder.name for folder in RELEASED.iterdir() if folder.is_dir())
KNOWN = {contract.id: contract for contract in CONTRACTS}


def schema_files() -> Iterator[Path]:
    for version in VERSIONS:
        yield from sorted((RELEASED / version).glob("*.schema.json"))


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.name.removesuffix('.schema.json')}"


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(path.read_bytes())
    return found


def records(schema: Path) -> list[Any]:
    lines = schema.with_name(schema.name.replace(".schema.json", ".ndjson")).read_bytes().splitlines()
    return [orjson.loads(line) for line in lines]


def successor(schema: Path) -> Contract | None:
    """The contract as it is now; None of one whose version went up, which makes it another record."""
    released = read(schema)["$id"]
    name, version = released.split(":")[-2:]
    current = next((contract for contract in CONTRACTS if contract.name == name), None)
    assert current is not None, f"{name}: no such record any more; {ADVICE.format(version=schema.parent.name)}"
    assert current.version >= int(version), f"{name}: its version went back"
    return KNOWN.get(released)


every_released = pytest.mark.parametrize("schema", list(schema_files()), ids=named)


def test_something_was_released() -> None:
    assert VERSIONS
    assert {path.name for path in schema_files()} >= {f"{name}.schema.json" for name in ("exposure", "assignment")}


@every_released
def test_released_records_are_what_the_schemas_say_now(schema: Path) -> None:
    contract = successor(schema)
    kept = records(schema)
    assert kept
    assert [found for record in kept for found in wrongs(validator(read(schema)), record)] == []
    if contract is not None:
        advice = ADVICE.format(version=schema.parent.name)
        assert [found for record in kept for found in wrongs(VALIDATORS[contract.name], record)] == [], advice


@every_released
def test_schemas_keep_what_released_ones_promised(schema: Path) -> None:
    contract = successor(schema)
    if contract is not None:
        found = breaches(contract.direction, read(schema), SCHEMAS[contract.name])
        assert found == [], f"{contract.name}: {ADVICE.format(version=schema.parent.name)}"


@every_released
def test_records_written_now_are_what_released_readers_expect(schema: Path, written: dict[str, list[Any]]) -> None:
    contract = successor(schema)
    if contract is not None and contract.direction == "output":
        released = validator(read(schema))
        assert [found for record in written[contract.name] for found in wrongs(released, record)] == []


def test_a_release_keeps_a_schema_and_records_of_every_contract(tmp_path: Path) -> None:
    names = freeze("1.2.3", tmp_path)
    assert names == sorted(path.name for path in (tmp_path / "1.2.3").iterdir())
    assert len(names) == 2 * len(CONTRACTS)
    assert all((tmp_path / "1.2.3" / name).stat().st_size for name in names)


@pytest.mark.parametrize("version", ["", "one", "1.2", "../1.2.3"])
def test_what_is_no_version_is_not_kept(version: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no version, expected one like 1\.2\.3"):
        freeze(version, tmp_path)


def test_a_version_that_is_kept_is_never_changed(tmp_path: Path) -> None:
    (tmp_path / "1.2.3").mkdir()
    with pytest.raises(ValueError, match="is kept already"):
        freeze("1.2.3", tmp_path)
