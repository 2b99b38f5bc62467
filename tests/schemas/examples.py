"""The examples of the AsyncAPI document: what the examples' log comes to.

`python -m tests.schemas.examples` takes them anew. They are kept in `schemas/examples.json`, so that an installed
worker has them too.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson

from tests.schemas.generated import EXAMPLES, traffic
from tests.schemas.scribe import Noted, Scribe

FILE = Path(__file__).parent.parent.parent / "schemas" / "examples.json"
HEADERS = {"output-headers", "dead-letter-headers", "summary", "dead-letter"}  # no messages of their own


async def taken() -> bytes:
    """Return the file's bytes: of each message the first, of enriched events the first that has a context."""
    scribe = Scribe()
    await traffic(scribe, (EXAMPLES / "log.ndjson").read_bytes().splitlines())
    found = {name: example(name, entries) for name, entries in sorted(scribe.noted.items()) if name not in HEADERS}
    return orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def example(name: str, entries: list[Noted]) -> dict[str, Any]:
    telling = [entry for entry in entries if not name.startswith("enriched") or context_of(entry.payload)]
    payload, headers = next(
        entry for entry in telling if not isinstance(entry.payload, bytes) or is_text(entry.payload)
    )
    shown = payload.decode() if isinstance(payload, bytes) else payload
    return {"payload": shown, **({"headers": headers} if headers else {})}


def context_of(document: dict[str, Any]) -> Any:
    """Return the context wherever a dialect has it."""
    inner = document.get("event") or document.get("data") or document
    return inner.get("experiment") or inner.get("details", {}).get("experiment")


def is_text(value: bytes) -> bool:
    try:
        return value.decode() != ""
    except UnicodeDecodeError:
        return False


if __name__ == "__main__":
    FILE.write_bytes(asyncio.run(taken()))
