"""Dead letters as they stand on their topic, and what is known of those that were sent back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import get_args

import msgspec
import orjson
from aiokafka import ConsumerRecord

from worker.records import DeadLetterReason

Headers = Sequence[tuple[str, bytes]]

REASONS: tuple[DeadLetterReason, ...] = get_args(DeadLetterReason)
REDRIVE_SOURCE = "redrive.source"
"""The header that stands for the source of a record that was sent back."""

_ADDED = ("error.reason", "error.message", "error.source", "error.stage", "error.time", "error.timestamp")
_SOURCE = re.compile(rb"[A-Za-z0-9._-]{1,249}/[0-9]{1,10}/[0-9]{1,19}")
_PLACE = re.compile(r"[0-9]{1,10}/[0-9]{1,19}")
_INSTEAD = frozenset({"size", "sha256", "source"})  # what stands for a value that was not kept


class Letter(msgspec.Struct, frozen=True):
    """A dead letter: its place, what is said of the input, and the input as it was.

    `headers` are the input's own. `timestamp` is the input's, in ms. `kept` is whether its value is there.
    """

    partition: int
    offset: int
    reason: str
    message: str
    source: str
    stage: str
    time: str
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    kept: bool

    @property
    def place(self) -> str:
        """Where it stands: `<partition>/<offset>`."""
        return f"{self.partition}/{self.offset}"

    @property
    def input_place(self) -> tuple[str, int] | None:
        """The topic and partition that the input came from; None if its source is none of Kafka's."""
        topic, _, rest = self.source.rpartition("/")
        topic, _, partition = topic.rpartition("/")
        if not topic or not partition.isdecimal() or not rest.isdecimal():
            return None
        return topic, int(partition)


def letter_of(record: ConsumerRecord) -> Letter | None:
    """Return the letter that a record is; None if no worker has written it."""
    added: dict[str, str] = {}
    own = list(record.headers)
    for at in range(len(own) - 1, -1, -1):  # the worker's stand behind the input's, which may have the same names
        name, text = own[at]
        if name in _ADDED and name not in added:
            added[name] = text.decode(errors="replace")
            del own[at]
    if not {"error.reason", "error.source"} <= added.keys():
        return None
    return Letter(
        record.partition,
        record.offset,
        added["error.reason"],
        added.get("error.message", ""),
        added["error.source"],
        added.get("error.stage", ""),
        added.get("error.time", ""),
        int(added.get("error.timestamp") or record.timestamp),
        record.key,
        record.value,
        tuple(own),
        not _is_description(record.value, added["error.source"]),
    )


def back(letter: Letter) -> list[tuple[str, bytes]]:
    """Return the headers of the record that goes back: the input's own, and where it first came from."""
    own = [header for header in letter.headers if header[0] != REDRIVE_SOURCE]
    return [*own, (REDRIVE_SOURCE, letter.source.encode())]


def redriven_from(headers: Headers) -> str | None:
    """Return the source of a record that was sent back, None for any other; what looks otherwise is not ours."""
    for name, text in headers:
        if name == REDRIVE_SOURCE and _SOURCE.fullmatch(text):
            return text.decode()
    return None


def _is_description(value: bytes | None, source: str) -> bool:
    if value is None or not value.startswith(b"{"):
        return False
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return isinstance(document, dict) and document.keys() == _INSTEAD and document["source"] == source


class Mark(msgspec.Struct, frozen=True):
    """That a letter was sent back; the fields of `schemas.redriven.Redriven`, in their order."""

    letter: str
    source: str
    redriven_at: str


_encode_mark = msgspec.json.Encoder().encode
_decode_mark = msgspec.json.Decoder(Mark).decode


class Marks:
    """Which letters of a topic were sent back already; one that was made anew has other sources at the same places.

    The keys of its marks begin with `prefix`, which tells the topics of letters apart.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._sources: dict[str, str] = {}

    def note(self, record: ConsumerRecord) -> None:
        """Take a record of the topic of marks in; a tombstone takes its mark away."""
        key = (record.key or b"").decode(errors="replace")
        place = key.removeprefix(self._prefix)
        if not key.startswith(self._prefix) or not _PLACE.fullmatch(place):
            return  # another topic's
        if not record.value:
            self._sources.pop(place, None)
            return
        try:
            self._sources[place] = _decode_mark(record.value).source
        except msgspec.DecodeError:
            return  # none of ours

    def has(self, letter: Letter) -> bool:
        """Tell whether the letter was sent back."""
        return self._sources.get(letter.place) == letter.source

    def gone(self, begins: dict[int, int]) -> list[str]:
        """Return the keys of marks whose letters retention has taken: before the partitions' beginnings."""
        found = []
        for place in self._sources:
            partition, _, offset = place.partition("/")
            if int(offset) < begins.get(int(partition), 0):
                found.append(self._prefix + place)
        return found

    def mark_of(self, letter: Letter, moment: str) -> tuple[bytes, bytes]:
        """Return key and value of the record that marks a letter."""
        return f"{self._prefix}{letter.place}".encode(), _encode_mark(Mark(letter.place, letter.source, moment))
