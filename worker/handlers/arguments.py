"""What handlers pass to the api, turned into plain JSON values at the moment of the call.

An encoder alone would be too kind: it writes NaN as null, and enums, dates and UUIDs in spellings of its own. A command
is for somebody else to execute, so what has no one meaning in JSON is refused where it is passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

import msgspec

from worker.handlers.errors import WrongUseError

MAX_DEPTH = 64

encode = msgspec.json.Encoder().encode  # of plain values; orjson is many times slower where small results are kept

_HINTS = {
    "bytes": "pass a string",
    "date": "pass a string",
    "datetime": "pass a string",
    "Decimal": "pass a string or a float",
    "frozenset": "pass a list",
    "set": "pass a list",
    "UUID": "pass a string",
}
_ANY = "pass a string, number, boolean, None, list or dict"
_TELLING_KEY = re.compile(r"[A-Za-z_]\w{0,39}", re.ASCII)  # longer or stranger keys may be data


def plain(value: Any) -> Any:
    """Return a copy of a value that is JSON: str, bool, None, int, float, list and dict all through.

    Raises:
        WrongUseError: it is not JSON; the message is to follow the value's name: `.user.created: datetime is not JSON`.
    """
    try:
        return _plain(value, MAX_DEPTH)
    except _NotJsonError as error:
        raise WrongUseError(f"{error.place()}: {error.complaint}") from None


class _NotJsonError(Exception):
    """Why a value is not JSON, and the keys that lead to it, innermost first."""

    def __init__(self, complaint: str) -> None:
        super().__init__(complaint)
        self.complaint = complaint
        self.keys: list[str | int] = []

    def place(self) -> str:
        """Return the way to the value as Python would write it, odd keys left out."""
        return "".join(map(_step, reversed(self.keys)))


def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if _TELLING_KEY.fullmatch(key) else "[...]"


def _plain(value: Any, depth: int) -> Any:
    convert = _CONVERSIONS.get(value.__class__)
    if convert is not None:
        return convert(value, depth)
    if isinstance(value, Mapping):
        return _object(value, depth)
    kind = type(value).__name__
    raise _NotJsonError(f"{kind} is not JSON; {_HINTS.get(kind, _ANY)}")


def _as_it_is(value: Any, _: int) -> Any:
    return value


def _text(value: str, _: int) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _NotJsonError("a string with half of a surrogate pair is not JSON; pass whole characters") from None
    return value


def _integer(value: int, _: int) -> int:
    if not -(1 << 63) <= value < 1 << 64:
        raise _NotJsonError("an int beyond 64 bits is not safe in JSON; pass a string")
    return value


def _float(value: float, _: int) -> float:
    if not isfinite(value):
        raise _NotJsonError("a float that is no finite number is not JSON; pass None or a string")
    return value


def _array(value: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
    _check_depth(depth)
    items: list[Any] = []
    for item in value:
        items.append(_inside(len(items), item, depth))
    return items


def _object(value: Mapping[str, Any], depth: int) -> dict[str, Any]:
    _check_depth(depth)
    members = {}
    for key, item in value.items():
        if type(key) is not str:
            raise _NotJsonError(f"a key of type {type(key).__name__} is not JSON; pass strings as keys")
        is_plain_text = item.__class__ is str and item.isascii()  # nearly always: spare it the calls
        members[_text(key, depth)] = item if is_plain_text else _inside(key, item, depth)
    return members


def _inside(key: str | int, value: Any, depth: int) -> Any:
    try:
        return _plain(value, depth - 1)
    except _NotJsonError as error:
        error.keys.append(key)
        raise


def _check_depth(depth: int) -> None:
    if not depth:
        raise _NotJsonError(f"nested deeper than {MAX_DEPTH} levels; pass something flatter")


_CONVERSIONS: Mapping[type, Callable[[Any, int], Any]] = {
    str: _text,
    bool: _as_it_is,
    type(None): _as_it_is,
    int: _integer,
    float: _float,
    list: _array,
    tuple: _array,
    dict: _object,
}
