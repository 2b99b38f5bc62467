"""The last line of defence: what looks like an address or a secret never gets into a log line, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "<redacted>"
_LONGEST_CHAIN = 5
_SECRETS = re.compile(
    r"[^\s@]{1,320}(?:@|%40)\S+\.\S+"  # an e-mail address and what it is joined to
    r"|(?<=://)[^\s/]{1,320}@"  # user and password of a URL
    r"|\bbearer\s+\S+"
    r"|\bwhsec_\S+"
    r"|\beyJ[\w-]{4,}\.[\w.-]*",  # a JSON web token: `{"` in base64
    re.IGNORECASE,
)
_HINTS = ("@", "%40", "earer", "EARER", "whsec_", "WHSEC_", "eyJ")


def redact(value: Any) -> Any:
    """Return the value as JSON may have it, with `<redacted>` for what looks like an address or a secret.

    Errors become the names of their classes, since their texts may quote what they failed at; bytes their length.
    """
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return redact_text(value)
        case Mapping():
            return {redact_text(str(name)): redact(part) for name, part in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redact(part) for part in value]
        case _:
            return _described(value)


def _described(value: object) -> str:
    if isinstance(value, BaseException):
        return error_names(value)
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else redact_text(str(value))


def redact_text(text: str) -> str:
    """Return the text without what looks like an address or a secret."""
    if any(hint in text for hint in _HINTS):
        return _SECRETS.sub(REDACTED, text)
    return text


def error_names(error: BaseException) -> str:
    """Return an error's class and the classes of what it came from: `KafkaConnectionError from OSError`."""
    names: list[str] = []
    current: BaseException | None = error
    while current is not None and len(names) < _LONGEST_CHAIN:
        names.append(type(current).__name__)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return " from ".join(names)


def error_place(error: BaseException) -> str | None:
    """Return the file's name and the line where an error was raised, None if it was not raised."""
    traceback = error.__traceback__
    if traceback is None:
        return None
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f"{traceback.tb_frame.f_code.co_filename.rpartition('/')[2]}:{traceback.tb_lineno}"
