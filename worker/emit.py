"""The records that go out, as `schemas/` describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from worker.experiments.claims import Held, Proposal
from worker.experiments.decide import Decision
from worker.experiments.user_agent import parse_user_agent
from worker.formats.read import Read
from worker.handlers.dispatch import Outcome
from worker.ids import derived_id
from worker.outputs import Output
from worker.trigger import Trigger


def enriched(read: Read, decision: Decision, key: bytes | None) -> Output:
    """Return the input with its experiment context, null if none applies."""
    arm = decision.arm
    context = b"null" if arm is None else arm.context_json
    if arm is not None and read.trigger.segment_in_context:
        context = b'%b,"segment_id":%b}' % (context[:-1], orjson.dumps(decision.segment_id))
    return Output("enriched", read.record, read.trigger, key, read.with_context(context))


def exposure(read: Read, decision: Decision, key: bytes | None) -> Output:
    """Return the record of a context that was given (the decision has an arm)."""
    trigger, experiment, arm, subject = read.trigger, decision.experiment, decision.arm, decision.subject
    assert experiment is not None  # noqa: S101 - an arm is an experiment's
    assert arm is not None  # noqa: S101 - only contexts are exposed
    value = {
        "exposure_id": derived_id(trigger, "exposures"),
        "event_id": trigger.id,
        "trigger": trigger.kind,
        "occurred_at": trigger.time,
        "tenant_id": trigger.tenant,
        "experiment_id": experiment.id,
        "experiment_revision": experiment.revision,
        "feature_flag_id": experiment.feature_flag_id,
        "variation_id": arm.variation_id,
        "segment_id": decision.segment_id,
        "is_control": arm.is_control,
        "assignment_method": decision.method,
        "reason": decision.reason,
        "is_first": decision.is_first,
        "subject_type": None if subject is None else subject.type,
        "subject": None if subject is None else subject.hex,
        "user_id": trigger.user_id,
        "client_id": trigger.client_id,
        "connection": trigger.connection,
        "organization_id": trigger.organization_id,
        "country": trigger.country,
        "device_type": trigger.user_agent and parse_user_agent(trigger.user_agent).device_type,
        "warnings": decision.warnings,
    }
    return Output("exposures", read.record, trigger, key, orjson.dumps(value))


def enrollments(read: Read, decision: Decision, outcome: Outcome, key: bytes | None) -> list[Output]:
    """Return the webhooks that the event's handlers asked for, in order."""
    trigger = read.trigger
    found = []
    for index, (endpoint, payload) in enumerate(outcome.enrollments):
        value = {
            "enrollment_id": derived_id(trigger, "enrollments", index),
            "event_id": trigger.id,
            "occurred_at": trigger.time,
            **_whose(trigger, decision),
            "endpoint": endpoint,
            "payload": orjson.Fragment(payload),
        }
        found.append(Output("enrollments", read.record, trigger, key, orjson.dumps(value), index))
    return found


def commands(read: Read, decision: Decision, recorded: bytes, key: bytes | None) -> Output:
    """Return the `api` calls of the event's handlers; `recorded` is their JSON array."""
    trigger = read.trigger
    value = {
        "event_id": trigger.id,
        "trigger": trigger.kind,
        "occurred_at": trigger.time,
        **_whose(trigger, decision),
        "commands": orjson.Fragment(recorded),
    }
    return Output("commands", read.record, trigger, key, orjson.dumps(value))


def assignments(read: Read, proposal: Proposal, held: Held) -> list[Output]:
    """Return the store records that this event wrote."""
    trigger, experiment, assignment = read.trigger, proposal.experiment, held.assignment
    found = []
    for index, subject in enumerate(held.written):
        value = {
            "tenant_id": trigger.tenant,
            "experiment_id": experiment.id,
            "subject_type": subject.type,
            "subject": subject.hex,
            "variation_id": assignment.variation_id,
            "version": assignment.version,
            "experiment_revision": assignment.revision,
            "experiment_updated_at": assignment.updated_at,
            "assigned_at": assignment.assigned_at,
            "event_id": assignment.event_id,
        }
        key = f"{trigger.tenant or ''}|{experiment.id}|{subject.hex}".encode()
        found.append(Output("assignments", read.record, trigger, key, orjson.dumps(value), index))
    return found


def _whose(trigger: Trigger, decision: Decision) -> Mapping[str, Any]:
    context = decision.arm is not None and decision.experiment is not None
    return {
        "tenant_id": trigger.tenant,
        "user_id": trigger.user_id,
        "experiment_id": decision.experiment.id if context and decision.experiment else None,
        "variation_id": decision.arm.variation_id if decision.arm else None,
    }
