"""The trigger: one login or registration event, whatever format it came in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

TriggerKind = Literal["post_login", "pre_user_registration", "post_user_registration"]

Path = tuple[str, ...]


class Trigger(msgspec.Struct, frozen=True):
    """What the decision and the outputs need of an event.

    `id_scope` is the CloudEvents `source` (ids are unique within it), else empty. `time` is the RFC 3339 text as it
    came. `event` is the event object in the shape of the Actions reference. The identifiers and attributes are the
    event's own text, None if absent; `context_path` names the object of the record that receives `experiment`.
    """

    kind: TriggerKind
    id: str
    id_scope: str
    time: str | None
    tenant: str | None
    event: Mapping[str, Any]
    context_path: Path
    segment_in_context: bool
    user_id: str | None
    email: str | None
    phone_number: str | None
    username: str | None
    client_id: str | None
    connection: str | None
    connection_type: str | None
    organization_id: str | None
    domain: str | None
    user_agent: str | None
    country: str | None
    region: str | None
    query: Mapping[str, Any]
