from __future__ import annotations

import json

import pytest

from worker.formats.decode import Limits
from worker.formats.read import Read, read
from worker.records import Record
from worker.testing import event
from worker.trigger import TriggerKind

TRIGGERS: list[TriggerKind] = ["post_login", "pre_user_registration", "post_user_registration"]


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_an_event_is_one_that_the_worker_reads(trigger: TriggerKind) -> None:
    document = {"id": "evt_1", "trigger": trigger, "time": "2026-01-05T18:27:36Z", "event": event(trigger)}
    found = read(Record(json.dumps(document).encode(), "log/1"), Limits())
    assert isinstance(found, Read)
    assert found.trigger.email == "ines@example.com"
    assert (found.trigger.user_id is None) == (trigger == "pre_user_registration")


def test_changes_go_into_objects_and_replace_everything_else() -> None:
    found = event("post_login", user={"email": "ada@example.com", "app_metadata": {"plan": "pro"}}, session=None)
    assert (found["user"]["email"], found["user"]["name"]) == ("ada@example.com", "Inês Araújo")
    assert found["user"]["app_metadata"] == {"plan": "pro"}
    assert "session" not in found


def test_an_event_is_the_callers_own() -> None:
    event("post_login")["user"]["identities"].clear()
    assert event("post_login")["user"]["identities"]
