"""The brakes: too many dead letters speak of the worker, not of its inputs, and stop it before they are sent.

After a bad deploy every input may fail. Without brakes all traffic would end as dead letters; with them the worker
stops, most of it unread, and goes on there once it is mended.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

import msgspec

from worker.outputs import DeadLetter
from worker.records import DeadLetterReason

_LOOKED_BACK = 1000
_Letter = tuple[str, DeadLetterReason]


class Batch(msgspec.Struct, frozen=True):
    """What a batch would do: its place, the sources of its inputs in their order, its dead letters in any order."""

    partition: Hashable
    offset: int
    next_offset: int
    sources: Sequence[str]
    letters: Sequence[DeadLetter]


class _Row(msgspec.Struct, frozen=True):
    """The dead letters at the end of what is committed of a partition, without an input between them that was fine."""

    offset: int
    length: int = 0
    since: str = ""
    reasons: Mapping[DeadLetterReason, int] = {}

    def longer(self, letters: Sequence[_Letter]) -> _Row:
        reasons = Counter(self.reasons) + Counter(reason for _, reason in letters)
        return _Row(self.offset, self.length + len(letters), self.since or letters[0][0], reasons)


class Brakes:
    """Judges batches before they are sent: dead letters of one partition in a row, and their part of all inputs.

    `max_consecutive` in a row stop the worker (0: never), and so does more than `max_ratio` of the last 1,000 inputs
    of this worker (1.0: never). Both count since the worker started; every reason counts, and a skipped input is fine.
    """

    def __init__(self, max_consecutive: int = 0, max_ratio: float = 1.0) -> None:
        self._max_consecutive = max_consecutive
        self._max_ratio = max_ratio
        self._rows: dict[Hashable, _Row] = {}
        self._inputs = 0
        self._dead: deque[tuple[int, str, DeadLetterReason]] = deque()  # of the last inputs, each with its number

    def judge(self, batch: Batch) -> str | None:
        """Return why the worker must stop rather than send this batch, None if it may."""
        if not batch.letters:
            return None
        return self._judge_rows(batch) or self._judge_ratio(batch)

    def committed(self, batch: Batch) -> None:
        """Count a batch that was sent."""
        if batch.letters:
            *_, last = self._rows_of(batch)
            self._rows[batch.partition] = msgspec.structs.replace(last, offset=batch.next_offset)
            self._dead = self._dead_after(batch)
        else:
            self._rows.pop(batch.partition, None)
        self._inputs += len(batch.sources)

    def _judge_rows(self, batch: Batch) -> str | None:
        longest = max(self._rows_of(batch), key=lambda row: row.length)
        if not self._max_consecutive or longest.length < self._max_consecutive:
            return None
        found = f"{longest.length:,} inputs in a row ended as dead letters"
        setting = f"dead_letters.max_consecutive = {self._max_consecutive}"
        return _message(found, longest.reasons, longest.since, setting)

    def _rows_of(self, batch: Batch) -> Iterator[_Row]:
        """Yield the row before the batch and each within it; the last one is empty if the batch ends well."""
        row = self._rows.get(batch.partition, _Row(batch.offset))
        if row.offset != batch.offset:  # another worker had the partition meanwhile
            row = _Row(batch.offset)
        reasons = {letter.record.source: letter.reason for letter in batch.letters}
        yield row
        for dead, group in groupby(batch.sources, key=reasons.__contains__):
            row = row.longer([(source, reasons[source]) for source in group]) if dead else _Row(batch.offset)
            yield row

    def _judge_ratio(self, batch: Batch) -> str | None:
        after = self._inputs + len(batch.sources)
        dead = self._dead_after(batch)
        if after < _LOOKED_BACK or len(dead) <= self._max_ratio * _LOOKED_BACK:
            return None
        found = f"{len(dead):,} of the last {_LOOKED_BACK:,} inputs ended as dead letters"
        reasons = Counter(map(itemgetter(2), dead))
        return _message(found, reasons, dead[0][1], f"dead_letters.max_ratio = {self._max_ratio}")

    def _dead_after(self, batch: Batch) -> deque[tuple[int, str, DeadLetterReason]]:
        """Return what is dead of the last inputs if this batch is counted."""
        reasons = {letter.record.source: letter.reason for letter in batch.letters}
        numbered = enumerate(batch.sources, self._inputs)
        dead = self._dead + deque((number, each, reasons[each]) for number, each in numbered if each in reasons)
        while dead and dead[0][0] < self._inputs + len(batch.sources) - _LOOKED_BACK:
            dead.popleft()
        return dead


def _message(found: str, reasons: Mapping[DeadLetterReason, int], since: str, setting: str) -> str:
    listed = ", ".join(f"{reason} {times:,}" for reason, times in sorted(reasons.items(), key=lambda each: -each[1]))
    return (
        f"{found} ({listed}) since {since}, expected fewer: {setting}. Nothing is lost: the batch at hand is not"
        " committed and will be read again, what was committed before is in the topic of dead letters. Mend what made"
        " them fail (the handlers, the definitions, who sends them) and start the worker again, or raise that setting"
    )
