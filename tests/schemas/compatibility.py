"""Whether a schema keeps what a released one promised.

Readers of an output rely on its fields, their types and closed lists: nothing of that may go or widen; fields may be
added. Writers of an input rely on what was accepted: nothing may become required or narrower. Descriptions are free.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.catalogue import Direction
from tests.schemas.fields import Field, Path, fields_of

ADVICE = (
    "this breaks those who use version {version}. Take it back, or say that it is another record: give the contract the"
    " next `version` in schemas/catalogue.py and tell users under Changed in CHANGELOG.md"
)


def breaches(direction: Direction, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return what the new schema of a record breaks, one line each."""
    before, after = fields_of(old), fields_of(new)
    found = [f"{_name(path)}: is gone" for path in before if path not in after and direction == "output"]
    for path in before.keys() & after.keys():
        told = _output(before[path], after[path]) if direction == "output" else _input(before[path], after[path])
        found += [f"{_name(path)}: {breach}" for breach in told]
    if direction == "input":
        found += [
            f"{_name(path)}: is required now" for path in after.keys() - before.keys() if _must(path, before, after)
        ]
    return sorted(found)


def _must(path: Path, before: dict[Path, Field], after: dict[Path, Field]) -> bool:
    """Tell whether a new field is demanded inside of something that was there before."""
    return after[path].required and path[:-1] in before


def _output(old: Field, new: Field) -> Iterator[str]:
    if old.required and not new.required:
        yield "may be absent now"
    yield from (f"may be {wider} now" for wider in _wider(old, new))
    if rules := old.rules - new.rules:
        yield f"may be without {', '.join(sorted(rules))} now"


def _input(old: Field, new: Field) -> Iterator[str]:
    if new.required and not old.required:
        yield "is required now"
    yield from (f"may be {wider} no more" for wider in _wider(new, old))
    if rules := new.rules - old.rules:
        yield f"must keep to {', '.join(sorted(rules))} now"


def _wider(narrow: Field, wide: Field) -> Iterator[str]:
    """Yield what `wide` allows and `narrow` does not."""
    if narrow.kinds and not wide.kinds:
        yield "of any type"
    elif more := wide.kinds - narrow.kinds if narrow.kinds else ():
        yield " or ".join(sorted(more))
    if narrow.words is not None and wide.words is None:
        yield "any word"
    elif narrow.words is not None and wide.words is not None and (words := wide.words - narrow.words):
        yield " or ".join(sorted(words))


def _name(path: Path) -> str:
    return ".".join(path) or "the record"
