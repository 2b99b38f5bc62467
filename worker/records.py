"""What a stream hands to the pipeline."""

from __future__ import annotations

import msgspec


class Record(msgspec.Struct, frozen=True, gc=False):
    """One input, as it was found.

    `source` is its place, `<topic>/<partition>/<offset>` or `<path>/<line>`, and stands in for a missing event id.
    `timestamp` is the broker's, in milliseconds since the epoch; files have none.
    """

    value: bytes
    source: str
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int | None = None
