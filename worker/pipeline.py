"""The walk of a batch: read, propose, claim, settle, dispatch, emit. Streams are given `process` and know no more.

Everything but the claim (one store round trip for the whole batch) and async handlers is synchronous and pure: no
clock, no randomness, no logging. The definitions are one snapshot per batch.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Literal, Protocol

import msgspec

from worker import emit
from worker.experiments.claims import AssignmentStore, Claim, Held, Proposal, Published
from worker.experiments.decide import Decision, Engine, settle
from worker.experiments.definitions import Snapshot
from worker.experiments.subjects import Subject
from worker.formats.decode import Limits
from worker.formats.read import Read, read
from worker.handlers.dispatch import Call, Dispatcher, Outcome
from worker.outputs import BatchResult, DeadLetter, Placement, Tallies, no_outputs
from worker.records import Record, Rejected, Skipped
from worker.trigger import Trigger


class Exposures(msgspec.Struct, frozen=True):
    """Which contexts are recorded: `when` they are attached or first read, `repeat` every time or only the first.

    `first` speaks of stored assignments; contexts that are not stored (segments, overrides) are always recorded.
    """

    when: Literal["attached", "read"] = "attached"
    repeat: Literal["every", "first"] = "every"

    def wanted(self, decision: Decision, *, was_read: bool) -> bool:
        """Tell whether this decision's context is recorded."""
        if decision.arm is None or (self.when == "read" and not was_read):
            return False
        return self.repeat == "every" or decision.is_first is True or decision.reason not in _STORED


_STORED = frozenset({"split", "sticky", "linked", "reassigned"})

Part = Literal["decode", "decide", "claim", "handlers"]


class Watch(Protocol):
    """Told how batches walk, and what is decided on the way."""

    def passed(self, part: Part) -> None:
        """The batch has passed that part."""
        ...

    def decided(self, trigger: Trigger, decision: Decision, *, exposed: bool) -> None:
        """An event, in the order of the inputs: its decision, and whether that is recorded as an exposure."""
        ...


class _Unwatched:
    """Looks away."""

    def passed(self, part: Part) -> None:
        """Forget it."""

    def decided(self, trigger: Trigger, decision: Decision, *, exposed: bool) -> None:
        """Forget it."""


UNWATCHED = _Unwatched()


_Walked = tuple[Read, Decision | Proposal, Claim | None, Decision, Outcome]  # one trigger at the end of its walk


class Pipeline:
    """Processes batches with one engine, one store and one set of handlers.

    `snapshot` is asked once per batch; `wants` may leave events out of a replay (they are skipped as `outside_window`);
    `watch` looks on.
    """

    def __init__(
        self,
        engine: Engine,
        snapshot: Callable[[], Snapshot],
        store: AssignmentStore,
        dispatcher: Dispatcher,
        *,
        limits: Limits,
        exposures: Exposures,
        wants: Callable[[Trigger], bool] | None = None,
        watch: Watch = UNWATCHED,
    ) -> None:
        self._engine = engine
        self._snapshot = snapshot
        self._store = store
        self._dispatcher = dispatcher
        self._limits = limits
        self._exposures = exposures
        self._wants = wants
        self._watch = watch

    async def process(self, batch: Sequence[Record]) -> BatchResult:
        """Process a batch; every record ends as outputs, one dead letter or a counted skip."""
        found = [self._read(record) for record in batch]
        reads = [entry for entry in found if isinstance(entry, Read)]
        self._watch.passed("decode")
        snapshot = self._snapshot()
        steps = [self._engine.propose(snapshot, entry.trigger) for entry in reads]
        self._watch.passed("decide")
        claims = await self._claim(steps)
        self._watch.passed("claim")
        decisions = [_settle(step, claim) for step, claim in zip(steps, claims, strict=True)]
        outcomes = await self._dispatcher.dispatch(
            [_call(entry.trigger, decision) for entry, decision in zip(reads, decisions, strict=True)]
        )
        self._watch.passed("handlers")
        walked = zip(reads, steps, claims, decisions, outcomes, strict=True)
        return self._emit(found, walked, lambda: self._renew(steps, claims))

    def _read(self, record: Record) -> Read | Skipped | DeadLetter:
        try:
            found = read(record, self._limits)
        except Rejected as rejection:
            return DeadLetter(record, rejection.reason, rejection.message, "decode")
        if self._wants is not None and isinstance(found, Read) and not self._wants(found.trigger):
            return Skipped("outside_window")
        return found

    async def _claim(self, steps: Sequence[Decision | Proposal]) -> list[Claim | None]:
        """Return the store's answer for each proposal, None for what is decided already."""
        proposals = [step for step in steps if isinstance(step, Proposal)]
        answers = iter(await self._store.claim(proposals) if proposals else ())
        return [next(answers) if isinstance(step, Proposal) else None for step in steps]

    async def _renew(self, steps: Sequence[Decision | Proposal], before: Sequence[Claim | None]) -> bool:
        """Tell whether the store still answers what it answered; what was confirmed meanwhile makes no difference."""
        return all(map(_still_holds, before, await self._claim(steps)))

    def _emit(
        self,
        found: Sequence[Read | Skipped | DeadLetter],
        walked: Iterator[_Walked],
        renew: Callable[[], Awaitable[bool]],
    ) -> BatchResult:
        """Put the outputs together in the order of the inputs; `walked` has one entry for each `Read`."""
        published: dict[Published, None] = {}
        result = BatchResult(no_outputs(), [], Tallies(len(found)), lambda: self._store.confirm(list(published)), renew)
        for entry in found:
            match entry:
                case Read():
                    self._emit_event(next(walked), result, published)
                case DeadLetter():
                    result.dead_letters.append(entry)
                case Skipped():
                    _count(result.tallies.skipped, entry.kind)
        return result

    def _emit_event(self, walked: _Walked, result: BatchResult, published: dict[Published, None]) -> None:
        read, step, claim, decision, outcome = walked
        outputs, subject = result.outputs, decision.subject
        key = read.record.key if subject is None else subject.hex.encode()
        exposed = self._exposures.wanted(decision, was_read=outcome.read)
        _tally(result.tallies, read.trigger.tenant, decision, exposed=exposed)
        self._watch.decided(read.trigger, decision, exposed=exposed)
        if exposed:
            outputs["exposures"].append(emit.exposure(read, decision, key))
        if claim is not None and isinstance(claim, Held) and isinstance(step, Proposal):
            result.tallies.identity_conflicts += claim.conflict
            if claim.unconfirmed:
                subjects = _not_yet(published, step, claim)
                outputs["assignments"] += emit.assignments(read, step, claim, subjects)
        if outcome.stop is not None:
            result.stop = result.stop or outcome.stop
        if outcome.failure is not None:
            failure = outcome.failure
            result.dead_letters.append(DeadLetter(read.record, failure.reason, failure.message, "handler"))
            return
        outputs["enriched"].append(emit.enriched(read, decision, key))
        if outcome.commands is not None:
            outputs["commands"].append(emit.commands(read, decision, outcome.commands, key))
        if outcome.enrollments:
            outputs["enrollments"] += emit.enrollments(read, decision, outcome, key)


def _settle(step: Decision | Proposal, claim: Claim | None) -> Decision:
    if isinstance(step, Decision):
        return step
    assert claim is not None  # noqa: S101 - the store answers every proposal
    return settle(step, claim)


def _still_holds(before: Claim | None, now: Claim | None) -> bool:
    if isinstance(before, Held) and isinstance(now, Held):
        offered = set(before.unconfirmed).issuperset(now.unconfirmed)
        return offered and before.assignment == now.assignment and before.conflict == now.conflict
    return before == now


def _not_yet(published: dict[Published, None], proposal: Proposal, held: Held) -> list[Subject]:
    """Return the subjects whose record the batch has still to publish, and note that it does."""
    found = []
    for subject in held.unconfirmed:
        record = Published(proposal.trigger.tenant, proposal.experiment.id, subject, held.assignment.version)
        if record not in published:
            published[record] = None
            found.append(subject)
    return found


def _call(trigger: Trigger, decision: Decision) -> Call:
    subject, experiment, arm = decision.subject, decision.experiment, decision.arm
    order_key = None if subject is None else subject.key
    if experiment is None or arm is None:
        return Call(trigger.kind, trigger.event, None, None, order_key)
    return Call(trigger.kind, trigger.event, experiment.id, arm, order_key)


def _tally(tallies: Tallies, tenant: str | None, decision: Decision, *, exposed: bool) -> None:
    _count(tallies.decisions, decision.reason)
    for code in decision.warnings:
        _count(tallies.warnings, code)
    experiment, arm, subject = decision.experiment, decision.arm, decision.subject
    if experiment is not None and arm is not None and subject is not None and decision.method == "auto":
        tallies.placements.append(Placement(tenant, experiment.id, arm.variation_id, subject.key, exposed))


def _count(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1
