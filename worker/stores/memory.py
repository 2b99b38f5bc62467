"""The in-memory store: what a replay uses. It grows with the subjects and forgets nothing.

One table per tenant and experiment, keyed by the subject's 32-byte key; the identities of one event share one record.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

from worker.experiments.claims import Assignment, Behind, Claim, Held, Proposal, Published, Vacant, Withdrawn
from worker.experiments.definitions import Arm, Experiment
from worker.experiments.subjects import Subject
from worker.stores.truth import Entry

_VACANT = Vacant()
_WITHDRAWN = Withdrawn()
_BEHIND = Behind()


class _Table(dict[bytes, Assignment]):
    """The records of one tenant and experiment by subject, and the subjects whose record nobody confirmed yet."""

    def __init__(self) -> None:
        super().__init__()
        self.unconfirmed: set[bytes] = set()


class MemoryStore:
    """An `AssignmentStore` in this process."""

    def __init__(self) -> None:
        self._tables: dict[tuple[str | None, str], _Table] = {}

    async def claim(self, proposals: Sequence[Proposal]) -> list[Claim]:
        """Answer every proposal in order."""
        return [self._claim(proposal) for proposal in proposals]

    def confirm(self, published: Sequence[Published]) -> None:
        """Mark records as published at once; those that are gone stay gone."""
        for entry in published:
            table = self._tables.get((entry.tenant, entry.experiment_id))
            record = None if table is None else table.get(entry.subject.key)
            if table is None or record is None:
                continue
            if record.version <= entry.version:
                table.unconfirmed.discard(entry.subject.key)
            else:
                table.unconfirmed.add(entry.subject.key)

    def put(
        self,
        tenant: str | None,
        experiment_id: str,
        subject: Subject,
        assignment: Assignment,
        *,
        confirmed: bool = True,
    ) -> None:
        """Keep a record as it is, over one that is there."""
        table = self._tables.setdefault((tenant, experiment_id), _Table())
        table[subject.key] = assignment
        if confirmed:
            table.unconfirmed.discard(subject.key)
        else:
            table.unconfirmed.add(subject.key)

    def record(self, tenant: str | None, experiment_id: str, subject: Subject) -> Assignment | None:
        """Return a subject's record, if there is one."""
        return self._tables.get((tenant, experiment_id), _Table()).get(subject.key)

    def restore(self, entry: Entry) -> None:
        """Keep what was published: the highest version of a record, of equal ones the later; none that was erased."""
        table = self._tables.setdefault((entry.tenant, entry.experiment_id), _Table())
        key, assignment = bytes.fromhex(entry.subject), entry.assignment
        if assignment is None:
            table.pop(key, None)
        elif key not in table or table[key].version <= assignment.version:
            table[key] = assignment

    def _claim(self, proposal: Proposal) -> Claim:
        name = (proposal.trigger.tenant, proposal.experiment.id)
        table = self._tables.get(name)
        if table is None:
            table = self._tables[name] = _Table()
        records = [table.get(subject.key) for subject in proposal.subjects]
        first = records[0]
        if (
            first is None
            or (table.unconfirmed and not table.unconfirmed.isdisjoint([each.key for each in proposal.subjects]))
            or records.count(first) < len(records)
            or first.variation_id not in proposal.experiment.allocated
        ):
            return _settle(table, proposal, records)
        return Held(first, 0)  # nearly always


def _settle(table: _Table, proposal: Proposal, records: list[Assignment | None]) -> Claim:
    """Answer where a record is missing, differs from another, or names a variation that was withdrawn."""
    position = next((index for index, record in enumerate(records) if record is not None), None)
    if position is None:
        return _VACANT if proposal.drawn is None else _create(table, proposal, proposal.drawn, version=0)
    record = records[position]
    assert record is not None  # noqa: S101 - that is what position says
    if record.variation_id in proposal.experiment.allocated:
        return _hold(table, proposal, records, position, record)
    if proposal.experiment.status != "active":
        return _WITHDRAWN
    if any(_is_behind(proposal.experiment, other) for other in records if other is not None):
        return _BEHIND
    return _replace(table, proposal, records)


def _replace(table: _Table, proposal: Proposal, records: list[Assignment | None]) -> Claim:
    """Replace all records, unless one of them was replaced before: what that one holds counts for the others too."""
    allocated = proposal.experiment.allocated
    latest = max(record.version for record in records if record is not None)
    for position, record in enumerate(records):
        if record is not None and record.version == latest > 0 and record.variation_id in allocated:
            kept = [other if other is not None and other.variation_id in allocated else None for other in records]
            return _hold(table, proposal, kept, position, record)
    if proposal.drawn is None:
        return _WITHDRAWN
    return _create(table, proposal, proposal.drawn, version=latest + 1)


def _create(table: _Table, proposal: Proposal, arm: Arm, version: int) -> Held:
    experiment, trigger = proposal.experiment, proposal.trigger
    assignment = Assignment(
        arm.variation_id, version, experiment.revision, experiment.updated_at, trigger.id, trigger.time
    )
    for subject in proposal.subjects:
        table[subject.key] = assignment
        table.unconfirmed.add(subject.key)
    return Held(assignment, 0, proposal.subjects)


def _hold(
    table: _Table, proposal: Proposal, records: list[Assignment | None], position: int, record: Assignment
) -> Held:
    """Keep the record; identities without one get a copy, those that differ keep theirs."""
    for subject in compress(proposal.subjects, (other is None for other in records)):
        table[subject.key] = record
        table.unconfirmed.add(subject.key)
    keys = table.unconfirmed
    offered = tuple([each for each in proposal.subjects if each.key in keys and table[each.key] == record])
    conflict = any(other is not None and other.variation_id != record.variation_id for other in records)
    return Held(record, position, offered, conflict)


def _is_behind(experiment: Experiment, record: Assignment) -> bool:
    if experiment.updated_at is None or record.updated_at is None:
        return False
    return experiment.updated_at < record.updated_at
