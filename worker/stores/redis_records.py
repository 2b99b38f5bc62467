"""What goes to the claim script and what comes back, in msgpack; `claim.lua` opens with the layout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from worker.experiments.claims import Assignment, Behind, Claim, Held, Proposal, Published, Vacant, Withdrawn
from worker.experiments.definitions import Experiment
from worker.experiments.subjects import Subject, SubjectType
from worker.stores.redis_urls import is_cluster

CLUSTER_BUCKETS = 64
_EMPTY: tuple[Claim, ...] = (Vacant(), Withdrawn(), Behind())  # in the order of the script's codes


class Layout(msgspec.Struct, frozen=True):
    """Where records live, and for how many ms unused: those of users and devices, and those of link identifiers.

    A store is in one bucket, or in `CLUSTER_BUCKETS`: the keys of a bucket are on one node of a Cluster, as they have
    its name for a hash tag. A subject's bucket follows from its key.
    """

    prefix: str
    ttl_ms: int
    link_ttl_ms: int
    buckets: int = 1

    def bucket_of(self, subject: bytes) -> int:
        """Return the bucket of the subject with that key."""
        return subject[0] % self.buckets

    def key_of(self, subject: str) -> str:
        """Return the key of the hash that holds the records of a subject (its hex), by experiment."""
        return f"{self._root(int(subject[:2], 16) % self.buckets)}:s:{subject}"

    def ttl_of(self, type_: SubjectType) -> int:
        """Return for how many ms a subject of that type is kept unused."""
        return self.link_ttl_ms if type_ == "identifier" else self.ttl_ms

    def meta(self, bucket: int) -> str:
        """Return the key of the hash with a bucket's epoch, generation, server, heartbeat and pepper's fingerprint."""
        return f"{self._root(bucket)}:meta"

    def lock(self, bucket: int) -> str:
        """Return the key of the token of whoever rebuilds a bucket."""
        return f"{self._root(bucket)}:rebuild"

    def _root(self, bucket: int) -> str:
        return self.prefix if self.buckets == 1 else f"{self.prefix}:{{b{bucket}}}"


def layout_at(url: str, prefix: str, ttl_ms: int, link_ttl_ms: int) -> Layout:
    """Return the layout of a store there."""
    return Layout(prefix, ttl_ms, link_ttl_ms, CLUSTER_BUCKETS if is_cluster(url) else 1)


class Stamp(msgspec.Struct, frozen=True, array_like=True):
    """What a bucket's answers are good for: another epoch means that it was rebuilt, another generation an erasure.

    Without an epoch it is not whole: it lost its data, or a part of it.
    """

    epoch: str | None
    generation: str | None


class Answer(msgspec.Struct, frozen=True):
    """Claims in the order of the proposals; `settled` tells of each whether asking again would say the same.

    That is so for records that are confirmed and that all identities hold. `stamps` are those of the buckets that were
    asked. If one of them is not whole (no epoch in its stamp), nothing is answered.
    """

    stamps: Mapping[int, Stamp]
    claims: Sequence[Claim] = ()
    settled: Sequence[bool] = ()

    @property
    def is_whole(self) -> bool:
        """Tell whether all that was asked is whole."""
        return all(stamp.epoch is not None for stamp in self.stamps.values())


class _Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    version: int
    variation_id: str
    revision: str
    updated_at: str | None
    assigned_at: str | None
    event_id: str


class _Held(msgspec.Struct, frozen=True, array_like=True, gc=False):
    position: int
    unconfirmed: int
    agreement: int
    record: _Record


class _Reply(msgspec.Struct, frozen=True, array_like=True):
    epoch: str | None
    generation: str | None
    answers: list[int | _Held]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Reply).decode
_decode_record = msgspec.msgpack.Decoder(_Record).decode
_CONFLICT = 2


def encode(layout: Layout, proposals: Sequence[Proposal], confirms: Iterable[Published]) -> tuple[list[str], bytes]:
    """Return the keys of `claim.lua` and its argument; the store is in one bucket."""
    keys = Keys(layout, 0)
    experiments = _Experiments()
    asks = []
    for proposal in proposals:
        trigger, drawn = proposal.trigger, proposal.drawn
        places = [keys.index(subject) for subject in proposal.subjects]
        variation = None if drawn is None else drawn.variation_id
        asks.append((experiments.index(proposal.experiment), variation, trigger.id, trigger.time, places))
    marks = [(keys.index(entry.subject), entry.experiment_id, entry.version) for entry in confirms]
    return keys.names, _encode((experiments.rows, asks, marks, keys.ttls))


def decode(reply: bytes, proposals: Sequence[Proposal]) -> Answer:
    """Return the script's answer to these proposals."""
    found = _decode(reply)
    stamps = {0: Stamp(found.epoch, found.generation)}
    claims: list[Claim] = []
    settled: list[bool] = []
    if found.epoch is None:
        return Answer(stamps)
    for proposal, answer in zip(proposals, found.answers, strict=True):
        if isinstance(answer, int):
            claims.append(_EMPTY[answer])
            settled.append(False)
        else:
            claims.append(_held(proposal.subjects, answer))
            settled.append(not answer.unconfirmed and not answer.agreement)
    return Answer(stamps, claims, settled)


def encode_record(assignment: Assignment) -> bytes:
    """Return a record as it is stored behind its mark."""
    return _encode(
        _Record(
            assignment.version,
            assignment.variation_id,
            assignment.revision,
            assignment.updated_at,
            assignment.assigned_at,
            assignment.event_id,
        )
    )


def decode_record(record: bytes) -> Assignment:
    """Return what is stored behind a mark."""
    return _assignment(_decode_record(record))


def confirmed(assignment: Assignment) -> bytes:
    """Return the field's value for a record that is known to be published."""
    return b"+" + encode_record(assignment)


def record_of(value: bytes) -> Assignment:
    """Return the record that a field of a subject's hash holds."""
    return decode_record(value[1:])  # behind the mark


def _assignment(record: _Record) -> Assignment:
    return Assignment(
        record.variation_id, record.version, record.revision, record.updated_at, record.event_id, record.assigned_at
    )


def _held(subjects: tuple[Subject, ...], answer: _Held) -> Held:
    bits = answer.unconfirmed
    assignment = _assignment(answer.record)
    if not bits and not answer.agreement:
        return Held(assignment, answer.position)
    unconfirmed = tuple([subject for index, subject in enumerate(subjects) if bits >> index & 1])
    return Held(assignment, answer.position, unconfirmed, answer.agreement == _CONFLICT)


class Keys:
    """The keys of a call to a bucket, each once, the meta hash first; `ttls` are those of the others."""

    def __init__(self, layout: Layout, bucket: int) -> None:
        self._layout = layout
        self._places: dict[bytes, int] = {}
        self.names = [layout.meta(bucket)]
        self.ttls: list[int] = []

    def index(self, subject: Subject) -> int:
        """Return where the script finds the subject's key (it counts from 1)."""
        place = self._places.get(subject.key)
        if place is None:
            self.names.append(self._layout.key_of(subject.hex))
            self.ttls.append(self._layout.ttl_of(subject.type))
            place = self._places[subject.key] = len(self.names)
        return place


class _Experiments:
    """The experiments of a call, each once."""

    def __init__(self) -> None:
        self._places: dict[int, int] = {}
        self.rows: list[tuple[str, bool, str | None, str, dict[str, bool]]] = []

    def index(self, experiment: Experiment) -> int:
        """Return where the script finds the experiment (it counts from 1)."""
        place = self._places.get(id(experiment))
        if place is None:
            allocated = dict.fromkeys(experiment.allocated, True)
            active = experiment.status == "active"
            self.rows.append((experiment.id, active, experiment.updated_at, experiment.revision, allocated))
            place = self._places[id(experiment)] = len(self.rows)
        return place
