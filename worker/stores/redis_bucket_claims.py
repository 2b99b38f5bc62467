"""Claims of a store in many buckets, as in a Cluster: an event's identities may be on several nodes.

No script reaches two nodes. So a batch is decided here, by the rules of the in-memory store, on what was read, and what
it writes is written only where a record is still the one that was read:

1. Read what all proposals are about, and confirm what waits for it: one pipeline per node. Nearly always that is all.
2. Decide. Of what is new or replaced, write the record of each event's first link identifier: it is the one that the
   events of one person's registration and login share, so one of those that race wins there.
3. Write those of the other identities.

Who finds another record than was read decides anew with that one; so the first writer wins, as everywhere. An event
that shares only another identity may win there after the link identifier's record was written. Then the event takes its
own record back, as nobody has published it, and counts a conflict: somebody may have been given it meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from worker.experiments.claims import Assignment, Claim, Held, Proposal, Published
from worker.experiments.subjects import Subject
from worker.stores.memory import MemoryStore
from worker.stores.redis_client import Client, Part, Script
from worker.stores.redis_records import Answer, Keys, Layout, Stamp, decode_record, encode_record

EXCHANGE = Script("bucket.lua", "exchange.lua")
_OWN_ARGUMENTS = 1  # of the script come first, and it counts from 1


class _Found(msgspec.Struct, frozen=True, array_like=True):
    is_confirmed: bool
    record: msgspec.Raw


class _Reply(msgspec.Struct, frozen=True, array_like=True):
    epoch: str | None
    generation: str | None
    found: list[_Found | None]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Reply).decode


class BucketClaims:
    """Claims in the buckets of a Cluster."""

    def __init__(self, client: Client, layout: Layout) -> None:
        self._client = client
        self._layout = layout

    async def ask(
        self, proposals: Sequence[Proposal], confirms: Sequence[Published], buckets: Collection[int]
    ) -> Answer:
        """Read, decide and write, until all that is decided is written."""
        batch = _Batch(proposals)
        stamps = await self._exchange(batch.cells, (), confirms, buckets)
        while all(stamp.epoch is not None for stamp in stamps.values()):
            answer, writes = await batch.decide(stamps)
            if not writes:
                return answer
            writes = _first(writes)
            stamps |= await self._exchange([write.cell for write in writes], writes)
        return Answer(stamps)

    async def _exchange(
        self,
        cells: Iterable[_Cell],
        writes: Iterable[_Write],
        confirms: Iterable[Published] = (),
        buckets: Collection[int] = (),
    ) -> dict[int, Stamp]:
        """Write and confirm, read the cells, and return the stamps of all buckets that were asked."""
        bucket_of = self._layout.bucket_of
        calls = {bucket: _Call(self._layout, bucket) for bucket in buckets}

        def call_for(subject: Subject) -> _Call:
            bucket = bucket_of(subject.key)
            if bucket not in calls:
                calls[bucket] = _Call(self._layout, bucket)
            return calls[bucket]

        for published in confirms:
            call_for(published.subject).confirm(published)
        for write in writes:
            call_for(write.cell.subject).write(write)
        for cell in cells:
            call_for(cell.subject).read(cell)
        replies = await self._client.run_all(EXCHANGE, [call.encoded() for call in calls.values()])
        return {bucket: call.noted(reply) for (bucket, call), reply in zip(calls.items(), replies, strict=True)}


class _Cell:
    """A subject's record in an experiment: what was read, and what this batch has written in its place."""

    def __init__(self, proposal: Proposal, subject: Subject) -> None:
        self.tenant = proposal.trigger.tenant
        self.experiment = proposal.experiment
        self.subject = subject
        self.is_anchor = False  # an event's first link identifier
        self.raw = b""
        self.record: Assignment | None = None
        self.is_confirmed = False
        self.written: Assignment | None = None

    def is_own(self, proposal: Proposal) -> bool:
        """Tell whether that event has made the record that was read, and nobody has published it."""
        return self.record is not None and not self.is_confirmed and self.record.event_id == proposal.trigger.id

    def note(self, found: _Found | None) -> None:
        """Keep what is there now, unless it is what this batch has just written."""
        raw = b"" if found is None else bytes(found.record)
        if self.written is not None and raw == encode_record(self.written):
            return
        self.written = None
        self.raw = raw
        self.record = decode_record(raw) if raw else None
        self.is_confirmed = found is not None and found.is_confirmed


class _Write(msgspec.Struct, frozen=True):
    """A record to be written where what was read still stands."""

    cell: _Cell
    record: Assignment

    @property
    def outdates(self) -> bool:
        """Tell whether workers may remember what is replaced."""
        before = self.cell.record
        return before is not None and before.variation_id in self.cell.experiment.allocated


class _Batch:
    """The proposals of a call, and the cells that they are about."""

    def __init__(self, proposals: Sequence[Proposal]) -> None:
        self._proposals = proposals
        self._cells: dict[tuple[str, bytes], _Cell] = {}
        self._by_proposal: list[list[_Cell]] = []
        for proposal in proposals:
            cells = [self._cell(proposal, subject) for subject in proposal.subjects]
            next((each for each in cells if each.subject.type == "identifier"), cells[0]).is_anchor = True
            self._by_proposal.append(cells)

    @property
    def cells(self) -> Collection[_Cell]:
        """All of them, each once."""
        return self._cells.values()

    async def decide(self, stamps: Mapping[int, Stamp]) -> tuple[Answer, list[_Write]]:
        """Return the answer by what was read, and what is to be written before it counts."""
        store = MemoryStore()
        asked = zip(self._proposals, self._by_proposal, strict=True)
        taken_back = {cell for proposal, cells in asked for cell in _own(proposal, cells)}
        for cell in self.cells:
            if cell.record is not None and cell not in taken_back:
                store.put(cell.tenant, cell.experiment.id, cell.subject, cell.record, confirmed=cell.is_confirmed)
        claims = await store.claim(self._proposals)
        if taken_back:
            told = zip(claims, self._by_proposal, strict=True)
            claims = [_told(claim, [cell for cell in cells if cell in taken_back]) for claim, cells in told]
        writes = []
        after: dict[_Cell, Assignment | None] = {}
        for cell in self.cells:
            after[cell] = record = store.record(cell.tenant, cell.experiment.id, cell.subject)
            if record is not None and record is not cell.record and record != cell.written:
                writes.append(_Write(cell, record))
        settled = [
            _is_settled(claim, [after[cell] for cell in cells])
            for claim, cells in zip(claims, self._by_proposal, strict=True)
        ]
        return Answer(dict(stamps), claims, settled), writes

    def _cell(self, proposal: Proposal, subject: Subject) -> _Cell:
        name = proposal.experiment.id, subject.key
        cell = self._cells.get(name)
        if cell is None:
            cell = self._cells[name] = _Cell(proposal, subject)
        return cell


def _own(proposal: Proposal, cells: Sequence[_Cell]) -> list[_Cell]:
    """Return the cells that this event has written, if another event has written for an identity before them."""
    first = next((cell.record for cell in cells if cell.record is not None), None)
    if first is None or first.event_id == proposal.trigger.id:
        return []
    return [cell for cell in cells if cell.is_own(proposal)]


def _told(claim: Claim, taken_back: Iterable[_Cell]) -> Claim:
    """Count a conflict where what was taken back names another variation."""
    if not isinstance(claim, Held):
        return claim
    variations = {cell.record.variation_id for cell in taken_back if cell.record is not None}
    return msgspec.structs.replace(claim, conflict=claim.conflict or bool(variations - {claim.assignment.variation_id}))


def _is_settled(claim: Claim, records: Iterable[Assignment | None]) -> bool:
    """Tell whether asking again would say the same: all identities hold this record, and it is confirmed."""
    if not isinstance(claim, Held) or claim.unconfirmed:
        return False
    return all(record == claim.assignment for record in records)


def _first(writes: list[_Write]) -> list[_Write]:
    """Return what is written first: anchors, if there are any."""
    return [write for write in writes if write.cell.is_anchor] or writes


class _Call:
    """What one bucket is asked."""

    def __init__(self, layout: Layout, bucket: int) -> None:
        self._keys = Keys(layout, bucket)
        self._confirms: list[tuple[int, str, int]] = []
        self._writes: list[tuple[int, str, int, int, bool]] = []
        self._reads: list[tuple[int, str]] = []
        self._records: list[bytes] = []
        self._cells: list[_Cell] = []

    def confirm(self, published: Published) -> None:
        self._confirms.append((self._keys.index(published.subject), published.experiment_id, published.version))

    def write(self, write: _Write) -> None:
        cell = write.cell
        cell.written = write.record
        place = self._keys.index(cell.subject)
        expected = self._place_of(cell.raw) if cell.raw else 0
        wanted = self._place_of(encode_record(write.record))
        self._writes.append((place, cell.experiment.id, expected, wanted, write.outdates))

    def read(self, cell: _Cell) -> None:
        self._reads.append((self._keys.index(cell.subject), cell.experiment.id))
        self._cells.append(cell)

    def encoded(self) -> tuple[list[str], list[Part]]:
        """Return the script's keys and arguments."""
        asked = _encode((self._confirms, self._writes, self._reads, self._keys.ttls))
        return self._keys.names, [asked, *self._records]

    def noted(self, reply: bytes) -> Stamp:
        """Keep in the cells what was read, and return the bucket's stamp."""
        answer = _decode(reply)
        if answer.epoch is not None:
            for cell, found in zip(self._cells, answer.found, strict=True):
                cell.note(found)
        return Stamp(answer.epoch, answer.generation)

    def _place_of(self, record: bytes) -> int:
        self._records.append(record)
        return len(self._records) + _OWN_ARGUMENTS
