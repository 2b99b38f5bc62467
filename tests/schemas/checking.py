"""Validators of the schemas: 2020-12, with the formats that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from schemas.catalogue import CONTRACTS, schema_of
from worker.formats.fields import is_rfc3339

COMMITTED = Path(__file__).parent.parent.parent / "schemas" / "json"
FORMATS = FormatChecker(formats=["uuid"])
FORMATS.checks("date-time")(lambda value: not isinstance(value, str) or is_rfc3339(value))


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema, format_checker=FORMATS)


SCHEMAS = {contract.name: schema_of(contract) for contract in CONTRACTS}
VALIDATORS = {name: validator(schema) for name, schema in SCHEMAS.items()}


def wrongs(check: Draft202012Validator, document: Any) -> list[str]:
    """What is wrong with a document, one line each."""
    return [f"{error.json_path}: {error.message}" for error in check.iter_errors(document)]
