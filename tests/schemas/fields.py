"""What a JSON Schema says of each field, flat: the ground of the negative cases and of the compatibility check."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

Path = tuple[str, ...]
"""Names of properties; `[]` is every entry of an array, `*` every value of a map."""

ENTRY, VALUE, KEY = "[]", "*", "{key}"
_RULES = {
    "additionalProperties", "dependentRequired", "format", "maximum", "maxItems", "maxLength", "minimum", "minItems",
    "minLength", "not", "pattern", "uniqueItems",
}  # fmt: skip


class Field(NamedTuple):
    """`kinds` are its types (empty: any), `words` its closed list (None: open), `rules` its other keywords."""

    required: bool
    kinds: frozenset[str]
    words: frozenset[str] | None
    rules: frozenset[str]


def fields_of(schema: dict[str, Any]) -> dict[Path, Field]:
    """Return every field of a schema, the whole document under the empty path."""
    found: dict[Path, Field] = {}
    for path, field in _walk(schema, schema, (), required=True):
        found[path] = _either(found[path], field) if path in found else field
    return found


def _either(one: Field, other: Field) -> Field:
    """Return what holds of a field that two alternatives have."""
    words = None if one.words is None or other.words is None else one.words | other.words
    kinds = one.kinds | other.kinds if one.kinds and other.kinds else frozenset[str]()
    return Field(one.required and other.required, kinds, words, one.rules & other.rules)


def _walk(schema: Any, root: dict[str, Any], path: Path, *, required: bool) -> Iterator[tuple[Path, Field]]:
    alternatives = list(_alternatives(schema, root))
    told = [alternative for alternative in alternatives if alternative.get("type") != "null"]
    kinds = {_kind(alternative) for alternative in alternatives}
    words = {word for alternative in told for word in _words(alternative)}
    closed = bool(told) and all(_words(alternative) for alternative in told)
    rules = {f"{name}={alternative[name]}" for alternative in told for name in _RULES & alternative.keys()}
    rules -= {
        rule for rule in rules if rule.startswith("additionalProperties={") or rule == "additionalProperties=True"
    }
    yield (
        path,
        Field(
            required,
            frozenset() if "" in kinds else frozenset(kinds),
            frozenset(words) if closed else None,
            frozenset(rules),
        ),
    )
    for alternative in told:
        yield from _inner(alternative, root, path)


def _inner(schema: dict[str, Any], root: dict[str, Any], path: Path) -> Iterator[tuple[Path, Field]]:
    for name, inner in schema.get("properties", {}).items():
        yield from _walk(inner, root, (*path, name), required=name in schema.get("required", ()))
    if "items" in schema:
        yield from _walk(schema["items"], root, (*path, ENTRY), required=False)
    for index, inner in enumerate(schema.get("prefixItems", ())):
        yield from _walk(inner, root, (*path, str(index)), required=True)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _walk(schema["additionalProperties"], root, (*path, VALUE), required=False)
    if "propertyNames" in schema:
        yield from _walk(schema["propertyNames"], root, (*path, KEY), required=False)


def _alternatives(schema: dict[str, Any], root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in schema:
        yield from _alternatives(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    elif isinstance(choices := schema.get("oneOf") or schema.get("anyOf"), list) and "type" not in schema:
        for choice in choices:
            yield from _alternatives(choice, root)
    else:
        yield schema


def _kind(schema: dict[str, Any]) -> str:
    return str(schema.get("type", ""))


def _words(schema: dict[str, Any]) -> list[str]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def places(document: Any, path: Path) -> Iterator[tuple[Any, Any]]:
    """Yield each object (or list) and key of a document where that path leads."""
    *before, last = path
    for parent in _values(document, tuple(before)):
        for key in _keys(parent, last):
            yield parent, key


def _values(document: Any, path: Path) -> Iterator[Any]:
    if not path:
        yield document
        return
    for parent, key in places(document, path):
        yield parent[key]


def _keys(parent: Any, name: str) -> Iterator[Any]:
    match parent:
        case dict() if name in {VALUE, KEY}:
            yield from list(parent)
        case dict() if name in parent:
            yield name
        case list() if name == ENTRY:
            yield from range(len(parent))
        case list() if name.isdigit() and int(name) < len(parent):
            yield int(name)
        case _:
            return
