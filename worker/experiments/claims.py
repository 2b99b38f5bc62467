"""What the store is asked and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from worker.experiments.definitions import Arm, Experiment
from worker.experiments.subjects import Subject
from worker.experiments.vocabulary import WarningCode
from worker.trigger import Trigger


class Assignment(msgspec.Struct, frozen=True, gc=False):
    """What is stored for a subject of an experiment.

    `version` counts reassignments; `event_id` is the event that created it; `assigned_at` that event's time (RFC 3339);
    `revision` and `updated_at` (normalised) are those of the experiment that gave it.
    """

    variation_id: str
    version: int
    revision: str
    updated_at: str | None
    event_id: str
    assigned_at: str | None


class Proposal(msgspec.Struct, frozen=True):
    """A decision before the store spoke.

    `subjects` are all of the event's identities, the subject first. `drawn` is what ramp and split give, None if the
    subject is out of the ramp or the experiment paused.
    """

    trigger: Trigger
    experiment: Experiment
    subjects: tuple[Subject, ...]
    drawn: Arm | None
    warnings: tuple[WarningCode, ...] = ()


class Held(msgspec.Struct, frozen=True):
    """The subject has this assignment.

    `position` is the index of the identity whose record decided. `unconfirmed` are the subjects that have this very
    record and for whom nobody has confirmed yet that it was published: whoever uses it publishes it (again).
    `conflict` says that the identities' records name different variations.
    """

    assignment: Assignment
    position: int
    unconfirmed: tuple[Subject, ...] = ()
    conflict: bool = False


class Vacant(msgspec.Struct, frozen=True):
    """No identity has a record, and nothing was proposed."""


class Withdrawn(msgspec.Struct, frozen=True):
    """The record's variation is no longer allocated, and nothing was proposed in its place."""


class Behind(msgspec.Struct, frozen=True):
    """A record that would be overwritten was made by a newer definition than the asker's: all stay."""


class Unreachable(msgspec.Struct, frozen=True):
    """The store could not be asked, and the settings say to go on without it."""


Claim = Held | Vacant | Withdrawn | Behind | Unreachable


class Published(msgspec.Struct, frozen=True, gc=False):
    """That a record of that version now stands where the store could be rebuilt from."""

    tenant: str | None
    experiment_id: str
    subject: Subject
    version: int


class AssignmentStore(Protocol):
    """Remembers the first variation a subject was given; the first writer wins, also across processes."""

    async def claim(self, proposals: Sequence[Proposal]) -> Sequence[Claim]:
        """Answer every proposal in order; a later one of a batch sees what an earlier one wrote."""
        ...

    def confirm(self, published: Sequence[Published]) -> None:
        """Mark records as published, in their own time (with the next claims).

        Where the store holds a newer version by then, that one's mark is taken away instead: what was published late
        may have buried it.
        """
        ...
