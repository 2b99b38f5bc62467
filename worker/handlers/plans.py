"""How events of each trigger are dispatched, worked out once per worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from worker.handlers.api import Api, PostLoginApi, PostUserRegistrationApi, PreUserRegistrationApi
from worker.handlers.arguments import encode
from worker.handlers.cache import Cache
from worker.handlers.events import Event, PostLoginEvent, PostUserRegistrationEvent, PreUserRegistrationEvent
from worker.handlers.outcomes import Call, Told
from worker.handlers.registry import Handler, Registry
from worker.trigger import TriggerKind


class Counts(msgspec.Struct):
    """What became of one handler's calls; `commands` and `enrollments` are those that went out."""

    calls: int = 0
    errors: int = 0
    timeouts: int = 0
    skipped: int = 0
    commands: int = 0
    enrollments: int = 0


class Step(msgspec.Struct):
    """A handler in the order of its trigger, with what every event needs close at hand; `label` is its name as JSON."""

    handler: Handler
    function: Callable[[Any, Any], Any]
    experiment: str | None
    timeout: float
    label: bytes
    counts: Counts


class Plan(msgspec.Struct):
    """How events of one trigger are dispatched.

    `chooses`: some handlers are for one experiment only. `waits`: some are async or blocking. `told` hears of failures.
    """

    event: type[Event]
    api: type[Api]
    cache: Cache
    steps: tuple[Step, ...]
    chooses: bool
    waits: bool
    told: Told | None

    def applicable(self, call: Call) -> Sequence[Step]:
        """Return the handlers that this event is for."""
        if not self.chooses:
            return self.steps
        attached = None if call.arm is None else call.experiment_id
        return [step for step in self.steps if step.experiment is None or step.experiment == attached]


TYPES: Mapping[TriggerKind, tuple[type[Event], type[Api]]] = {
    "post_login": (PostLoginEvent, PostLoginApi),
    "pre_user_registration": (PreUserRegistrationEvent, PreUserRegistrationApi),
    "post_user_registration": (PostUserRegistrationEvent, PostUserRegistrationApi),
}


def make_plan(kind: TriggerKind, registry: Registry, cache: Cache, told: Told | None = None) -> Plan:
    """Return the plan of a trigger."""
    event, api = TYPES[kind]
    handlers = registry.of(kind)
    chooses = any(handler.options.experiment is not None for handler in handlers)
    waits = any(handler.is_async or handler.options.blocking for handler in handlers)
    return Plan(event, api, cache, tuple(map(_step, handlers)), chooses, waits, told)


def _step(handler: Handler) -> Step:
    options = handler.options
    label = encode(handler.name)
    return Step(handler, handler.function, options.experiment, options.timeout, label, Counts())
