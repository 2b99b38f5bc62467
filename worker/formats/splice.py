"""Set one member of one object inside a JSON text and leave every other byte alone.

Decoding and encoding again would lose integers beyond 64 bits, the spelling of floats and escapes, and duplicate
keys. So the member is put into the bytes. In the usual case the place is found without scanning: where the text has
the key of the target object exactly once between quotes, and no escape that could spell a lower-case letter (the keys
here are all lower case), that one occurrence is the key. Everything else is scanned token by token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from worker.trigger import Path

_OPENING = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*\{(?=[ \t\r\n]*(\})?)")
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[{}\[\]]', re.DOTALL)
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\]}]+")
_SPACE = re.compile(rb"[ \t\r\n]*")


class _Member(NamedTuple):
    key: str
    start: int
    end: int


def set_member(raw: bytes, document: dict[str, Any], path: Path, key: str, value: bytes) -> bytes:
    """Return `raw` with member `key` of the object at `path` set to the JSON text `value`.

    `raw` is valid JSON and `document` what it says. A member that stands there already is replaced where it stands
    (of duplicates the last, which is the one that counts); else it is put first. Objects missing on the path are made.
    """
    target: Any = document
    for depth, name in enumerate(path):
        target = target.get(name)
        if target is None:
            return set_member(raw, document, path[:depth], name, _nested(path[depth + 1 :], key, value))
    if key in target:
        return _replace(raw, path, key, value)
    return insert_member(raw, path, key, value)


def insert_member(raw: bytes, path: Path, key: str, value: bytes) -> bytes:
    """Return `raw` with member `key` put first in the object at `path`, which is there and has no such member."""
    opening, empty = _find_opening(raw, path)
    return b"".join((raw[:opening], _quoted(key), b":", value, b"" if empty else b",", raw[opening:]))


def _nested(path: Path, key: str, value: bytes) -> bytes:
    for name in (key, *reversed(path)):
        value = b'{"%b":%b}' % (name.encode(), value)
    return value


def _replace(raw: bytes, path: Path, key: str, value: bytes) -> bytes:
    member = _last(raw, _open(raw, path), key)
    return raw[: member.start] + value + raw[member.end :]


@lru_cache(maxsize=64)  # of the few keys of the formats
def _quoted(key: str) -> bytes:
    return b'"%b"' % key.encode()


def _find_opening(raw: bytes, path: Path) -> tuple[int, bool]:
    """Return the position just behind the `{` of the object at `path`, and whether the object is empty."""
    if path and (b"\\" not in raw or (b"\\u006" not in raw and b"\\u007" not in raw)):
        quoted = _quoted(path[-1])
        found = raw.find(quoted)
        unique = found >= 0 and raw.rfind(quoted) == found
        if unique and (opening := _OPENING.match(raw, found + len(quoted))):
            return opening.end(), opening[1] is not None
    position = _open(raw, path)
    return position, raw[_skip_space(raw, position)] == ord("}")


def _open(raw: bytes, path: Path) -> int:
    position = _skip_space(raw, 0) + 1
    for name in path:
        position = _last(raw, position, name).start + 1
    return position


def _last(raw: bytes, position: int, key: str) -> _Member:
    """Return the last member of that key in the object whose inside begins at `position`: duplicates, last wins."""
    *_, last = (member for member in _members(raw, position) if member.key == key)
    return last


def _members(raw: bytes, position: int) -> Iterator[_Member]:
    position = _skip_space(raw, position)
    while raw[position] != ord("}"):
        key = _end(_STRING, raw, position)
        start = _skip_space(raw, _skip_space(raw, key) + 1)
        end = _skip_value(raw, start)
        yield _Member(_unquote(raw[position:key]), start, end)
        position = _skip_space(raw, end)
        if raw[position] == ord(","):
            position = _skip_space(raw, position + 1)


def _unquote(literal: bytes) -> str:
    text = literal[1:-1].decode()
    if "\\" not in text:
        return text
    return str(json.loads(literal))


def _skip_value(raw: bytes, position: int) -> int:
    first = raw[position]
    if first == ord('"'):
        return _end(_STRING, raw, position)
    if first not in b"{[":
        return _end(_SCALAR, raw, position)
    depth = 0
    for token in _TOKEN.finditer(raw, position):
        kind = raw[token.start()]
        if kind in b"{[":
            depth += 1
        elif kind in b"}]":
            depth -= 1
            if depth == 0:
                return token.end()
    raise AssertionError("the text is valid JSON")


def _skip_space(raw: bytes, position: int) -> int:
    return _end(_SPACE, raw, position)


def _end(pattern: re.Pattern[bytes], raw: bytes, position: int) -> int:
    found = pattern.match(raw, position)
    assert found is not None, "the text is valid JSON"  # noqa: S101 - a broken promise of the caller
    return found.end()
