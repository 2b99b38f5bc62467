"""The wire models speak the worker's closed lists, and keep what they do not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from pydantic import BaseModel

from schemas import vocabulary as wire
from schemas.cloud_event import TriggerCloudEvent, UserCreated
from schemas.tenant_log import TenantLogEvent, WrappedTenantLogEvent
from schemas.trigger_event import TriggerEvent
from worker.experiments import vocabulary as decision
from worker.experiments.subjects import SubjectType
from worker.experiments.user_agent import DeviceType
from worker.formats.decode import Limits
from worker.formats.read import Read, read
from worker.outputs import Stage
from worker.records import DeadLetterReason, Record, Rejected
from worker.trigger import TriggerKind

LOG = Path(__file__).parent.parent / "examples" / "log.ndjson"
NULL_REASONS = {"no_experiment", "no_subject", "not_in_ramp", "paused", "not_found"}


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        (wire.TriggerName, TriggerKind),
        (wire.AssignmentMethod, decision.Method),
        (wire.SubjectType, SubjectType),
        (wire.WarningCode, decision.WarningCode),
        (wire.DeadLetterReason, DeadLetterReason),
        (wire.Stage, Stage),
        (wire.DeviceType, DeviceType),
    ],
)
def test_a_closed_list_on_the_wire_is_the_workers(told: Any, meant: Any) -> None:
    assert get_args(told) == get_args(meant)


def test_the_reasons_of_contexts_and_of_null_are_all_reasons() -> None:
    assert {*get_args(wire.ContextReason), *NULL_REASONS} == set(get_args(decision.Reason))


def model_of(document: dict[str, Any]) -> type[BaseModel]:
    if "specversion" in document:
        return UserCreated if document["type"] == "user.created" else TriggerCloudEvent
    if "trigger" in document:
        return TriggerEvent
    return TenantLogEvent if "type" in document else WrappedTenantLogEvent


def accepted() -> list[dict[str, Any]]:
    """The triggers of the committed log, as documents."""
    found = []
    for number, line in enumerate(LOG.read_bytes().splitlines(), 1):
        try:
            outcome = read(Record(line, f"log/{number}"), Limits())
        except Rejected:
            continue
        if isinstance(outcome, Read):
            found.append(orjson.loads(line))
    return found


def test_every_trigger_of_the_committed_log_is_what_its_model_says_and_nothing_is_lost() -> None:
    documents = accepted()
    assert {model_of(document) for document in documents} >= {TriggerEvent, TriggerCloudEvent, WrappedTenantLogEvent}
    for document in documents:
        model = model_of(document).model_validate(document)
        assert model.model_dump(exclude_unset=True, mode="json") == document
