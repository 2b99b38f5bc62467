"""Timestamps as the engine compares them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_PARTS = re.compile(r"(.{10}).(.{5}):(\d\d)(?:\.(\d+))?(.+)", re.ASCII)


def normalise(timestamp: str) -> str:
    """Return an RFC 3339 timestamp as `YYYY-MM-DDTHH:MM:SS.ffffffZ` in UTC, so that text order is time order.

    Digits beyond microseconds are cut; a leap second is the first second of the next minute.
    """
    found = _PARTS.fullmatch(timestamp)
    if found is None:
        raise ValueError("expected a date and time of RFC 3339")
    date, minute, seconds, fraction, offset = found.groups()
    start = datetime.fromisoformat(f"{date}T{minute}:00{offset.upper().replace('Z', '+00:00')}")
    moment = (start + timedelta(seconds=int(seconds))).astimezone(UTC)
    return f"{moment.isoformat()[:19]}.{(fraction or '')[:6]:0<6}Z"
