"""What a stream hands to the pipeline."""

from __future__ import annotations

from typing import Literal

import msgspec

DeadLetterReason = Literal[
    "empty",  # no key and no value
    "too_large",  # longer than the limit of an input
    "invalid_utf8",  # bytes that are no UTF-8
    "not_json",  # no JSON: syntax, NaN or Infinity, a byte order mark, text after the end
    "too_deep",  # nested deeper than the limit
    "lone_surrogate",  # an escape that is half of a character
    "not_an_object",  # JSON, but no object
    "unknown_format",  # an object of no format that the worker reads
    "unknown_trigger",  # a trigger event of a trigger that the worker does not know
    "invalid_event",  # a field that the decision needs has the wrong type
    "handler_failed",  # a handler raised
    "handler_timeout",  # a handler took too long
    "output_too_large",  # what came out does not fit its topic
    "crashed",  # processing it ended the process
]


class Oversize(msgspec.Struct, frozen=True, gc=False):
    """What is known of a value that is too large to keep: its size in bytes and its SHA-256 in hex."""

    size: int
    sha256: str


class Record(msgspec.Struct, frozen=True, gc=False):
    """One input, as it was found.

    `source` is its place, `<topic>/<partition>/<offset>` or `<path>/<line>`, and stands in for a missing event id.
    `timestamp` is the broker's, in milliseconds since the epoch; lines of files have none.
    Where `oversize` is set, it stands for a value that was too large to keep and `value` is empty.
    """

    value: bytes
    source: str
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int | None = None
    oversize: Oversize | None = None


class Rejected(Exception):  # noqa: N818 - named for what the caller does with the record
    """The record is bad input: it becomes a dead letter with this reason and message (≤ 1 KiB, no payload)."""

    def __init__(self, reason: DeadLetterReason, message: str) -> None:
        super().__init__(message)
        self.reason: DeadLetterReason = reason
        self.message = message


class Skipped(msgspec.Struct, frozen=True, gc=False):
    """The record is none of the worker's business; `kind` says which counter it goes to."""

    kind: str
