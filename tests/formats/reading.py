"""Ways to read one record and to look at what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.factories import record
from worker.formats.decode import Limits
from worker.formats.read import Read, read
from worker.records import Rejected, Skipped
from worker.trigger import Trigger

LIMITS = Limits()


def accepted(value: bytes | Mapping[str, Any], **fields: Any) -> Read:
    found = read(record(value, **fields), LIMITS)
    assert isinstance(found, Read)
    return found


def trigger_of(value: bytes | Mapping[str, Any], **fields: Any) -> Trigger:
    return accepted(value, **fields).trigger


def skip_of(value: bytes | Mapping[str, Any], **fields: Any) -> str:
    found = read(record(value, **fields), LIMITS)
    assert isinstance(found, Skipped)
    return found.kind


def rejection(value: bytes | Mapping[str, Any], limits: Limits = LIMITS, **fields: Any) -> Rejected:
    with pytest.raises(Rejected) as raised:
        read(record(value, **fields), limits)
    return raised.value


def identity(trigger: Trigger) -> dict[str, Any]:
    """What a trigger says of whom and where: all its texts that are there."""
    names = (
        "kind", "id", "id_scope", "time", "tenant", "user_id", "email", "phone_number", "username", "client_id",
        "connection", "connection_type", "organization_id", "domain", "user_agent", "country", "region",
    )  # fmt: skip
    return {name: getattr(trigger, name) for name in names if getattr(trigger, name) is not None}
