"""Keep a release's schemas and records: `python -m tests.schemas.freeze 0.2.0`, in the commit that releases it.

Later versions are tested against what is kept in `released/<version>/`: `<record>.schema.json` as released, and
`<record>.ndjson`, records that show each field, type and word at least once. A folder of a released version is never
changed; while a version is not released, delete its folder to make it anew.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from schemas.catalogue import CONTRACTS
from tests.schemas.checking import COMMITTED, SCHEMAS
from tests.schemas.fields import KEY, Field, fields_of, places
from tests.schemas.fields import Path as Place
from tests.schemas.generated import everything
from worker.streams.file_set import write_together

RELEASED = Path(__file__).parent / "released"
_VERSION = re.compile(r"\d+\.\d+\.\d+")


def freeze(version: str, folder: Path = RELEASED) -> list[str]:
    """Write a version's folder and return the names of its files; one that stands is refused.

    Raises:
        ValueError: the version is none, or is kept already.
    """
    if not _VERSION.fullmatch(version):
        raise ValueError(f"{version}: no version, expected one like 1.2.3")
    if (folder / version).exists():
        raise ValueError(f"{folder / version}: is kept already, expected a new version")
    written = asyncio.run(everything())
    contents = {contract.file: (COMMITTED / contract.file).read_bytes() for contract in CONTRACTS}
    for contract in CONTRACTS:
        records = telling(contract.name, written[contract.name])
        contents[f"{contract.name}.ndjson"] = b"".join(orjson.dumps(record) + b"\n" for record in records)
    write_together(folder / version, contents)
    return sorted(contents)


def telling(name: str, documents: list[Any]) -> list[Any]:
    """Return the documents that show something which those before them did not."""
    declared = fields_of(SCHEMAS[name])
    seen: set[tuple[Place, str]] = set()
    found = []
    for document in documents:
        shown = set(_shown(document, declared))
        if shown - seen:
            seen |= shown
            found.append(document)
    return found


def _shown(document: Any, declared: dict[Place, Field]) -> Iterator[tuple[Place, str]]:
    """Yield each field with its value's type, or its word of a closed list."""
    for path, field in declared.items():
        for parent, key in places(document, path) if path else ():
            value = key if path[-1] == KEY else parent[key]
            yield path, value if field.words is not None and isinstance(value, str) else type(value).__name__


if __name__ == "__main__":
    asked = " ".join(sys.argv[1:])
    try:
        print(f"{len(freeze(asked))} files in {RELEASED / asked}")  # noqa: T201 - a command
    except ValueError as error:
        sys.exit(f"error: {error}")
