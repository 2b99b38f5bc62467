"""Trials that end with the process: for tests, and where nothing starts a dead worker again."""

from __future__ import annotations

import msgspec

_DEATHS_BEFORE_TRIAL = 2


class _Known(msgspec.Struct):
    offset: int = -1
    opens: int = 0
    alone_until: int = 0
    trying: int = -1
    deaths: int = 0


class MemoryTrials:
    """What is known of lanes by their place; the twin of trial.lua, which says the same for many processes."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    async def opened(self, place: str, offset: int, until: int) -> tuple[int, int]:
        """Note that a lane begins there; return up to where it tries records alone, and the deaths of the first one."""
        known = self._of(place)
        if known.offset != offset:
            known.offset, known.opens, known.deaths = offset, 0, 0
        if known.trying == offset:
            known.deaths += 1
        if known.opens >= _DEATHS_BEFORE_TRIAL and known.alone_until <= offset:
            known.alone_until = until
        known.opens, known.trying = known.opens + 1, -1
        return known.alone_until, known.deaths

    async def trying(self, place: str, offset: int) -> None:
        """Mark that the record there is on trial."""
        self._of(place).trying = offset

    async def closed(self, place: str) -> None:
        """Note that the lane has ended in good order."""
        known = self._of(place)
        known.opens, known.trying = max(known.opens - 1, 0), -1

    def _of(self, place: str) -> _Known:
        return self._known.setdefault(place, _Known())
