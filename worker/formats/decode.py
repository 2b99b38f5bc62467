"""Bytes to a JSON object, or the one reason why not.

orjson is the fast judge: it refuses what is no UTF-8, NaN, byte order marks, trailing text and lone surrogates. It
also refuses numbers that overflow a double, which are JSON all the same, and nests to 1,024 levels; so depth is
checked beforehand and what orjson refuses is looked at again, slowly, to accept it or to name the reason.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import msgspec
import orjson

from worker.records import Rejected


class Limits(msgspec.Struct, frozen=True):
    """What an input may be: `max_bytes` of the raw value, `max_depth` levels of objects and arrays."""

    max_bytes: int = 1 << 20
    max_depth: int = 64


_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F])|.)")  # group 1: half of a pair
_LONGEST_INTEGER = len(str(-(1 << 63)))
_TYPE_NAMES = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}


def type_name(value: object) -> str:
    """Return the JSON name of a value's type with its article, for messages."""
    return _TYPE_NAMES.get(type(value), "a number")


def decode(raw: bytes) -> dict[str, Any]:
    """Return the record's object, once `check_limits` let it pass; of duplicate keys the last wins.

    Raises:
        Rejected: the bytes are no JSON object.
    """
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        document = _decode_slowly(raw)
    if type(document) is not dict:
        raise Rejected("not_an_object", f"the value is {type_name(document)}, expected an object")
    return document


def check_limits(raw: bytes, limits: Limits) -> None:
    """Refuse what is too long or too deep; text with fewer brackets than levels can't be."""
    if len(raw) > limits.max_bytes:
        raise too_large(len(raw), limits)
    if len(raw) - len(raw.translate(None, b"{[")) > limits.max_depth:
        _check_depth(raw, limits)


def too_large(size: int, limits: Limits) -> Rejected:
    """Return the dead letter of a value of that many bytes."""
    return Rejected("too_large", f"{size} bytes, at most {limits.max_bytes} are read")


def _check_depth(raw: bytes, limits: Limits) -> None:
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(raw):
        first = raw[token.start()]
        if first in b"[{":
            depth += 1
            if depth > limits.max_depth:
                raise Rejected("too_deep", f"nested deeper than {limits.max_depth} levels")
        elif first in b"]}":
            depth -= 1


def _decode_slowly(raw: bytes) -> Any:
    """Return what the standard library reads where orjson refuses JSON (huge numbers); else say what is wrong."""
    if not raw:
        raise Rejected("empty", "the record has no value")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise Rejected("invalid_utf8", f"byte {error.start}: {error.reason}") from None
    try:
        document = json.loads(text, parse_constant=_refuse_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise Rejected("not_json", f"{error.msg} at character {error.pos}") from None
    if any(escape[1] for escape in _ESCAPE.finditer(text)):  # also in what a duplicate key hides: it passes through
        raise Rejected("lone_surrogate", r"a \u escape is half of a surrogate pair")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise Rejected("not_json", f"{name} is not JSON")


def _integer(digits: str) -> int | float:
    """Read an integer literal as orjson does: what 64 bits don't hold is a double."""
    value = int(digits) if len(digits) <= _LONGEST_INTEGER else 1 << 64
    return value if -(1 << 63) <= value < 1 << 64 else float(digits)
