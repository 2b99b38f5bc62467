"""YAML as its core schema of version 1.2 reads it, built from the parser's events.

PyYAML's own loaders follow YAML 1.1, where the country `NO` is a boolean and a timestamp a date. Here plain scalars are
null, booleans `true` and `false`, decimal numbers, else strings. Refused are what definitions can't mean: keys that are
no strings or stand twice, merge keys, foreign tags, more than one document, and aliases that expand without bound.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

MAX_DEPTH = 64
MAX_VALUES = 500_000  # with aliases counted at their full size

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # compiled where libyaml is there
_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"), math.inf),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_TAG = "tag:yaml.org,2002:"
_COLLECTION_TAGS = {None, "!", _TAG + "map", _TAG + "seq"}


class UnreadableError(Exception):
    """The text is no document that definitions can be; the message says why, and where if that is known."""


def load_yaml(text: str) -> Any:
    """Read one document; an empty one is None.

    Raises:
        UnreadableError: the document is more than definitions need.
        yaml.YAMLError: the text is no YAML.
    """
    return _Composer(yaml.parse(text, Loader=_LOADER)).document()


def _refuse(event: Any, problem: str) -> UnreadableError:
    return UnreadableError(f"line {event.start_mark.line + 1}, column {event.start_mark.column + 1}: {problem}")


class _Composer:
    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0

    def document(self) -> Any:
        next(self._events)  # the stream starts
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value = self._node(next(self._events), 1)
        next(self._events)  # the document ends
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise _refuse(event, "a second document, expected one for each file")
        return value

    def _node(self, event: Any, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if depth > MAX_DEPTH:
            raise _refuse(event, f"nested deeper than {MAX_DEPTH} levels")
        before = self._values
        self._count(event, 1)
        value = self._new(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._values - before)
        return value

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise _refuse(event, f"no complete anchor {event.anchor[:40]!r} before this alias")
        value, size = self._anchors[event.anchor]
        self._count(event, size)
        return value

    def _count(self, event: Any, values: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise _refuse(event, f"more than {MAX_VALUES} values, aliases counted at their full size")

    def _new(self, event: Any, depth: int) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if event.tag not in _COLLECTION_TAGS:
            raise _refuse(event, "a tag, expected plain YAML")
        if isinstance(event, yaml.SequenceStartEvent):
            return [self._node(item, depth + 1) for item in self._until(yaml.SequenceEndEvent)]
        return self._mapping(depth)

    def _mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in self._until(yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, str):
                raise _refuse(event, "a key that is no string, expected a string (in quotes)")
            if key in found:
                raise _refuse(event, f"the key {key[:40]!r} stands twice in one mapping")
            if key == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
                raise _refuse(event, "a merge key, which YAML 1.2 does not have")
            found[key] = self._node(next(self._events), depth + 1)
        return found

    def _until(self, end: type[yaml.Event]) -> Iterator[Any]:
        while not isinstance(event := next(self._events), end):
            yield event


def _scalar(event: Any) -> Any:
    text: str = event.value
    plain, _ = event.implicit
    if event.tag in {"!", _TAG + "str"} or (event.tag is None and not plain):
        return text
    if event.tag is not None:
        raise _refuse(event, "a tag, expected plain YAML")
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    return _number(event, text) if _NUMBER.fullmatch(text) else text


def _number(event: Any, text: str) -> int | float:
    try:
        return int(text) if _INTEGER.fullmatch(text) else float(text)
    except ValueError:  # Python bounds the digits of an integer
        raise _refuse(event, f"a number of {len(text)} digits") from None
