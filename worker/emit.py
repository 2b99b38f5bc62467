"""The records that go out, as `schemas/` describes them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from worker.experiments.claims import Held, Proposal
from worker.experiments.decide import Decision
from worker.experiments.subjects import Subject
from worker.experiments.user_agent import parse_user_agent
from worker.formats.read import Read
from worker.handlers.dispatch import Outcome
from worker.ids import derived_id
from worker.outputs import Output


def enriched(read: Read, decision: Decision, key: bytes | None) -> Output:
    """Return the input with its experiment context, null if none applies."""
    arm = decision.arm
    context = b"null" if arm is None else arm.context_json
    if arm is not None and read.trigger.segment_in_context:
        context = b'%b,"segment_id":%b}' % (context[:-1], _encode(decision.segment_id))
    return Output("enriched", read.record, read.trigger, key, read.with_context(context))


class _Exposure(msgspec.Struct, frozen=True, gc=False):
    """The fields of `schemas.exposure.Exposure`, in their order."""

    exposure_id: str
    event_id: str
    trigger: str
    occurred_at: str | None
    tenant_id: str | None
    experiment_id: str
    experiment_revision: str
    feature_flag_id: str
    variation_id: str
    segment_id: str | None
    is_control: bool
    assignment_method: str
    reason: str
    is_first: bool | None
    subject_type: str | None
    subject: str | None
    user_id: str | None
    client_id: str | None
    connection: str | None
    organization_id: str | None
    country: str | None
    device_type: str | None
    warnings: tuple[str, ...]


class _Commands(msgspec.Struct, frozen=True, gc=False):
    """The fields of `schemas.commands.Commands`, in their order."""

    event_id: str
    trigger: str
    occurred_at: str | None
    tenant_id: str | None
    user_id: str | None
    experiment_id: str | None
    variation_id: str | None
    commands: msgspec.Raw


class _Enrollment(msgspec.Struct, frozen=True, gc=False):
    """The fields of `schemas.enrollment.Enrollment`, in their order."""

    enrollment_id: str
    event_id: str
    occurred_at: str | None
    tenant_id: str | None
    user_id: str | None
    experiment_id: str | None
    variation_id: str | None
    endpoint: str
    payload: msgspec.Raw


class _Erasure(msgspec.Struct, frozen=True, gc=False):
    """The fields of `schemas.erasure.Erasure`, in their order."""

    subject_type: str
    subject: str
    erased_at: str


class _Assignment(msgspec.Struct, frozen=True, gc=False):
    """The fields of `schemas.assignment.Assignment`, in their order."""

    tenant_id: str | None
    experiment_id: str
    subject_type: str
    subject: str
    variation_id: str
    version: int
    experiment_revision: str
    experiment_updated_at: str | None
    assigned_at: str | None
    event_id: str


_encode = msgspec.json.Encoder().encode


def exposure(read: Read, decision: Decision, key: bytes | None) -> Output:
    """Return the record of a context that was given (the decision has an arm)."""
    trigger, experiment, arm, subject = read.trigger, decision.experiment, decision.arm, decision.subject
    assert experiment is not None  # noqa: S101 - an arm is an experiment's
    assert arm is not None  # noqa: S101 - only contexts are exposed
    user_agent = trigger.user_agent
    id_ = derived_id(trigger, "exposures")
    value = _Exposure(
        id_,
        trigger.id,
        trigger.kind,
        trigger.time,
        trigger.tenant,
        experiment.id,
        experiment.revision,
        experiment.feature_flag_id,
        arm.variation_id,
        decision.segment_id,
        arm.is_control,
        decision.method,
        decision.reason,
        decision.is_first,
        None if subject is None else subject.type,
        None if subject is None else subject.hex,
        trigger.user_id,
        trigger.client_id,
        trigger.connection,
        trigger.organization_id,
        trigger.country,
        None if user_agent is None else parse_user_agent(user_agent).device_type,
        decision.warnings,
    )
    return Output("exposures", read.record, trigger, key, _encode(value), known_id=id_)


def enrollments(read: Read, decision: Decision, outcome: Outcome, key: bytes | None) -> list[Output]:
    """Return the webhooks that the event's handlers asked for, in order."""
    trigger = read.trigger
    experiment_id, variation_id = _given(decision)
    found = []
    for index, (endpoint, payload) in enumerate(outcome.enrollments):
        id_ = derived_id(trigger, "enrollments", index)
        value = _Enrollment(
            id_,
            trigger.id,
            trigger.time,
            trigger.tenant,
            trigger.user_id,
            experiment_id,
            variation_id,
            endpoint,
            msgspec.Raw(payload),
        )
        found.append(Output("enrollments", read.record, trigger, key, _encode(value), index, id_))
    return found


def commands(read: Read, decision: Decision, recorded: bytes, key: bytes | None) -> Output:
    """Return the `api` calls of the event's handlers; `recorded` is their JSON array."""
    trigger = read.trigger
    experiment_id, variation_id = _given(decision)
    value = _Commands(
        trigger.id,
        trigger.kind,
        trigger.time,
        trigger.tenant,
        trigger.user_id,
        experiment_id,
        variation_id,
        msgspec.Raw(recorded),
    )
    return Output("commands", read.record, trigger, key, _encode(value))


def assignments(read: Read, proposal: Proposal, held: Held, subjects: Sequence[Subject]) -> list[Output]:
    """Return the store records of those subjects of the event, which all hold the same."""
    trigger, experiment, assignment = read.trigger, proposal.experiment, held.assignment
    found = []
    for index, subject in enumerate(subjects):
        value = _Assignment(
            trigger.tenant,
            experiment.id,
            subject.type,
            subject.hex,
            assignment.variation_id,
            assignment.version,
            assignment.revision,
            assignment.updated_at,
            assignment.assigned_at,
            assignment.event_id,
        )
        key = f"{trigger.tenant or ''}|{experiment.id}|{subject.hex}".encode()
        found.append(Output("assignments", read.record, trigger, key, _encode(value), index))
    return found


def erasure(subject: Subject, moment: str) -> bytes:
    """Return the value that says that a subject was erased at that time (RFC 3339)."""
    return _encode(_Erasure(subject.type, subject.hex, moment))


def _given(decision: Decision) -> tuple[str | None, str | None]:
    """Return the experiment and variation of the context, None without one."""
    if decision.experiment is None or decision.arm is None:
        return None, None
    return decision.experiment.id, decision.arm.variation_id
