"""Read the bytes of a definitions file, YAML or JSON, into plain JSON values.

What comes out can be written as JSON again: string keys, no lone surrogates, finite numbers, bounded depth.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import yaml
from yaml.reader import ReaderError

from worker.experiments.findings import Place
from worker.experiments.yaml_core import MAX_DEPTH, UnreadableError, load_yaml

_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"


def read_document(name: str, content: bytes) -> Any:
    """Read a file; `.json` is JSON, everything else YAML. A blank file is None.

    Raises:
        UnreadableError: the bytes are no such document; the message has line and column where they are known.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(content, error.start, "not UTF-8") from None
    value = _load_json(text) if name.endswith(".json") and text.strip() else _load_yaml(text)
    _refuse_unwritable(value, Place(name), 1)
    return value


def _unreadable(content: bytes, offset: int, problem: str) -> UnreadableError:
    line = content.count(b"\n", 0, offset) + 1
    column = offset - content.rfind(b"\n", 0, offset)
    return UnreadableError(f"line {line}, column {column}: {problem}")


def _load_yaml(text: str) -> Any:
    try:
        return load_yaml(text)
    except ReaderError as error:
        raise _unreadable(text.encode(), error.position, "a character that YAML does not allow") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise UnreadableError(f"{place}{error.problem}") from None


def _load_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise UnreadableError(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise UnreadableError(_TOO_DEEP) from None
    except ValueError:  # Python bounds the digits of an integer
        raise UnreadableError("a number with too many digits") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((repeated, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise UnreadableError(f"the key {repeated[:40]!r} stands twice in one object")
    return found


def _refuse_unwritable(value: Any, place: Place, depth: int) -> None:
    if isinstance(value, str):
        if not _is_unicode(value):
            raise _unwritable(place, "a lone surrogate, half of a character")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _unwritable(place, "a number that is not finite, which JSON does not have")
    elif isinstance(value, (dict, list)):
        if depth > MAX_DEPTH:
            raise UnreadableError(_TOO_DEEP)
        for name, part in value.items() if isinstance(value, dict) else enumerate(value):
            _refuse_unwritable(name, place, depth)
            _refuse_unwritable(part, place.below(name), depth + 1)


def _unwritable(place: Place, problem: str) -> UnreadableError:
    return UnreadableError(f"{place.path or 'the document'}: {problem}")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
