"""Label values that come from the input: few, short, and of letters only, so that they are never personal data."""

from __future__ import annotations

import re

OTHER = "other"
_HARMLESS = re.compile(r"[a-z]+(?:[_.][a-z]+)*", re.ASCII)
_LONGEST = 48


class BoundedLabels:
    """Lets the first `limit` different kinds through; later ones and suspicious ones are `other` of their family.

    A kind is a word, or a family and a name: `tombstone`, `log:fp`, `cloudevent:user.updated`. Names come from the
    input; digits, signs of addresses and capitals have no place in a type's name but in an identifier.
    """

    def __init__(self, limit: int = 50) -> None:
        self._limit = limit
        self._labels: dict[str, str] = {}

    def of(self, kind: str) -> str:
        """Return the label value of a kind."""
        known = self._labels.get(kind)
        if known is not None:
            return known
        family, colon, name = kind.partition(":")
        if not colon:
            return kind if _harmless(kind) else OTHER
        if len(self._labels) < self._limit and _harmless(name):
            self._labels[kind] = kind
            return kind
        return f"{family}:{OTHER}" if _harmless(family) else OTHER


def _harmless(text: str) -> bool:
    return len(text) <= _LONGEST and _HARMLESS.fullmatch(text) is not None
