"""Which of the inbound formats tells of something, and its bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Literal, assert_never

import orjson

from worker.simulate import cloud_events, events, tenant_logs
from worker.simulate.clock import SECOND, rfc3339
from worker.simulate.dice import Dice, Weighted
from worker.simulate.events import Document
from worker.simulate.visits import Visit

Trigger = Literal["pre_user_registration", "post_user_registration", "post_login"]
Dialect = Literal[
    "trigger",  # the Actions event object with its trigger
    "cloudevent",  # the same as a CloudEvent
    "user_created",  # Event Streams
    "log",  # a tenant log event
    "wrapped_log",  # a tenant log event as log streams send it
]
Aside = Literal[
    "other_log",  # a tenant log event of a type that is skipped
    "other_cloudevent",  # a CloudEvent of a type that is skipped
]
LATENESS: dict[Dialect | Aside, int] = {
    "trigger": 0,
    "cloudevent": 1 * SECOND,
    "user_created": 4 * SECOND,
    "log": 5 * SECOND,
    "wrapped_log": 5 * SECOND,
    "other_log": 5 * SECOND,
    "other_cloudevent": 4 * SECOND,
}

_EVENTS: dict[Trigger, Callable[[Visit, Dice], Document]] = {
    "pre_user_registration": events.pre_user_registration,
    "post_user_registration": events.post_user_registration,
    "post_login": events.post_login,
}
_LOGS: dict[Trigger, Callable[[Visit, Dice], Document]] = {
    "post_user_registration": tenant_logs.sign_up,
    "post_login": tenant_logs.login,
}
_SPOKEN: dict[Trigger, Weighted[Dialect]] = {
    "pre_user_registration": Weighted(("trigger", 80), ("cloudevent", 20)),
    "post_user_registration": Weighted(
        ("trigger", 50), ("cloudevent", 15), ("user_created", 15), ("log", 10), ("wrapped_log", 10)
    ),
    "post_login": Weighted(("trigger", 66), ("cloudevent", 16), ("log", 9), ("wrapped_log", 9)),
}


def choose(trigger: Trigger, visit: Visit, dice: Dice) -> Dialect:
    """Choose the one dialect that tells of it; of users made by a federated login only Event Streams do."""
    if trigger == "post_user_registration" and visit.person.identity.connection.federated:
        return "user_created"
    return dice.draw(_SPOKEN[trigger])


def tell(trigger: Trigger, dialect: Dialect, visit: Visit, dice: Dice) -> bytes:
    """Return the line that tells of a trigger in a dialect that has it."""
    match dialect:
        case "trigger":
            return orjson.dumps(_of_trigger(trigger, visit, dice))
        case "cloudevent":
            return orjson.dumps(cloud_events.of_trigger(trigger, _EVENTS[trigger](visit, dice), visit, dice))
        case "user_created":
            return orjson.dumps(cloud_events.user_created(visit, dice))
        case "log":
            return orjson.dumps(_LOGS[trigger](visit, dice))
        case "wrapped_log":
            return _spaced(tenant_logs.wrapped(_LOGS[trigger](visit, dice)))
        case _:
            assert_never(dialect)


def _spaced(document: Document) -> bytes:
    """Write JSON as another producer would: with spaces, and with escapes for what is not ASCII."""
    return json.dumps(document).encode()


def _of_trigger(trigger: Trigger, visit: Visit, dice: Dice) -> Document:
    return {
        "id": f"{dice.hex(8)}-{dice.hex(4)}-{dice.hex(12)}",
        "trigger": trigger,
        "time": rfc3339(visit.time),
        "event": _EVENTS[trigger](visit, dice),
    }
