"""Whoever reads what an older release wrote, or was written for it, is not let down by this one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.schemas.freeze import RELEASED
from tests.schemas.outputs import FILES, ROOT

RELEASES = sorted(folder.name for folder in RELEASED.iterdir())
CASES = [(release, name) for release in RELEASES for name in FILES]


def schema(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.schema.json").read_text())
    return found


def broken(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Yield what consumers of the old records could miss in the new ones."""
    for member in old.get("properties", {}):
        if member not in new.get("properties", {}):
            yield f"{member} is gone"
    for member in old.get("required", ()):
        if member not in new.get("required", ()):
            yield f"{member} may be missing"


@pytest.mark.parametrize(("release", "name"), CASES)
def test_records_of_a_release_are_still_valid(release: str, name: str) -> None:
    validator = Draft202012Validator(schema(ROOT / "schemas" / "json", name))
    lines = (RELEASED / release / f"{name}.ndjson").read_text().splitlines()
    assert lines
    for line in lines:
        validator.validate(json.loads(line))


@pytest.mark.parametrize(("release", "name"), CASES)
def test_what_a_release_promised_is_still_there(release: str, name: str) -> None:
    old, new = schema(RELEASED / release, name), schema(ROOT / "schemas" / "json", name)
    assert list(broken(old, new)) == []
    for part, described in old.get("$defs", {}).items():
        assert list(broken(described, new["$defs"].get(part, {}))) == [], part


def test_a_member_that_is_gone_or_may_be_missing_is_noticed() -> None:
    old = {"properties": {"kept": {}, "dropped": {}, "loosened": {}}, "required": ["kept", "loosened"]}
    new = {"properties": {"kept": {}, "loosened": {}, "added": {}}, "required": ["kept"]}
    assert list(broken(old, new)) == ["dropped is gone", "loosened may be missing"]
