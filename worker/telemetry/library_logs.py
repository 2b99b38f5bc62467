"""What libraries log, as log lines of ours: only warnings and errors, not the same one over and over, and no payloads.

A library's message is a template and arguments. The template is a text of the library's source; arguments may be
anything, so only those that can't be personal are shown: numbers, classes, names of errors, partitions, and, where they
come from the Kafka client, plain names (of hosts, topics and members). A message without arguments may have been put
together from anything; of those the words up to the first sign are shown, and the place in the source says the rest.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from worker.telemetry.redaction import REDACTED, error_names, error_place, redact_text

QUIET_FOR_S = 10.0
HIDDEN = "<hidden>"
_WORDS = re.compile(r"[A-Za-z]+(?:[ ,']+[A-Za-z]+)*")
_PLAIN_NAME = re.compile(r"[\w.-]{1,249}(?::\d{1,5})?", re.ASCII)
_RETRIED = frozenset({"ConcurrentTransactions", "NotEnoughReplicasError", "NotEnoughReplicasAfterAppendError"})

Emit = Callable[[int, Mapping[str, Any]], None]  # a logging level, and the fields of a line


class _Source(msgspec.Struct):
    """One place in a library's source that logs."""

    last: float
    left_out: int = 0


class LibraryHandler(logging.Handler):
    """Hands what libraries log to `emit`, the same source at most once per `quiet_for_s` (`clock`: seconds).

    The line that comes next says how many were left out.
    """

    def __init__(
        self, emit: Emit, *, quiet_for_s: float = QUIET_FOR_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(logging.WARNING)
        self._emit = emit
        self._quiet_for_s = quiet_for_s
        self._clock = clock
        self._sources: dict[tuple[str, str, int], _Source] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record, unless its source has spoken lately."""
        left_out = self._left_out(record)
        if left_out is None:
            return
        self._emit(_level(record), fields_of(record) | ({"left_out": left_out} if left_out else {}))

    def _left_out(self, record: logging.LogRecord) -> int | None:
        """Return how many lines of this source were left out since its last one; None: leave this one out too."""
        now, key = self._clock(), (record.name, record.pathname, record.lineno)
        source = self._sources.get(key)
        if source is not None and now - source.last < self._quiet_for_s:
            source.left_out += 1
            return None
        self._sources[key] = _Source(now)
        return 0 if source is None else source.left_out


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return what may be shown of a record."""
    fields: dict[str, Any] = {
        "logger": record.name,
        "message": _message(record),
        "at": f"{record.filename}:{record.lineno}",
    }
    error = record.exc_info[1] if record.exc_info else None
    return fields | (error_fields(error) if error is not None else {})


def error_fields(error: BaseException) -> dict[str, str]:
    """Return an error's class, those it came from, and where it was raised; never its text."""
    place = error_place(error)
    return {"error": error_names(error)} | ({"raised_at": place} if place else {})


def words_of(text: str) -> str:
    """Return the words that a text begins with, up to the first sign that could begin a value."""
    found = _WORDS.match(redact_text(text))
    return found.group() if found else ""


def _message(record: logging.LogRecord) -> str:
    template = str(record.msg)
    if not record.args:
        return words_of(template)
    names = record.name.startswith("aiokafka")
    try:
        if isinstance(record.args, Mapping):
            return template % {name: _shown(value, names=names) for name, value in record.args.items()}
        return template % tuple(_shown(value, names=names) for value in record.args)
    except (TypeError, ValueError, KeyError):
        return words_of(template)


class _Text(str):
    """A text without quotes, also where a template asks for its representation."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _shown(value: object, *, names: bool) -> object:
    """Return what is shown of an argument; `names`: a text that is a plain name is."""
    match value:
        case None | bool() | int() | float():
            return value
        case type():
            return _Text(value.__name__)
        case BaseException():
            return _Text(error_names(value))
        case str() if names and _PLAIN_NAME.fullmatch(value) and REDACTED not in redact_text(value):
            return _Text(value)
    topic, partition = getattr(value, "topic", None), getattr(value, "partition", None)
    if isinstance(topic, str) and isinstance(partition, int):
        return _Text(f"{topic}/{partition}")
    return _Text(HIDDEN)


def _level(record: logging.LogRecord) -> int:
    """Return the record's level; what the Kafka client retries in the course of things is no warning."""
    args = record.args if isinstance(record.args, tuple) else ()
    retried = any((value if isinstance(value, type) else type(value)).__name__ in _RETRIED for value in args)
    return logging.DEBUG if retried else record.levelno
