"""The definitions as the engine uses them: immutable, resolved, checked.

`parse.py` makes them from the documents; nothing here reads a file or knows the documents' spellings.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import msgspec

Flow = Literal["authentication", "mfa_enrollment", "mfa_challenge", "password_reset", "passkey_enrollment", "all"]
Status = Literal["draft", "active", "paused", "completed", "archived"]
Strategy = Literal["percentage", "segment"]
Operator = Literal["equals", "contains", "starts_with", "ends_with", "exists"]
Attribute = Literal[
    "client_id",
    "connection",
    "connection_type",
    "organization_id",
    "domain",
    "device_type",
    "browser",
    "platform",
    "user_agent",
    "country",
    "region",
]


class Test(msgspec.Struct, frozen=True):
    """One operator on one attribute: holds if any of `values` fits (`exists`: if presence equals `expected`)."""

    operator: Operator
    values: tuple[str, ...] = ()
    expected: bool = True


class Term(msgspec.Struct, frozen=True):
    """All `tests` on one attribute, or, if `negated`, not all of them."""

    attribute: Attribute
    tests: tuple[Test, ...]
    negated: bool = False


class Rule(msgspec.Struct, frozen=True):
    """Holds if every term holds; without terms it never holds."""

    terms: tuple[Term, ...]


class Segment(msgspec.Struct, frozen=True):
    """A named group of requests: a request is in it if any rule holds and the segment is active."""

    id: str
    active: bool
    rules: tuple[Rule, ...]


class Arm(msgspec.Struct, frozen=True):
    """A variation as one experiment serves it.

    `config` holds every parameter of the flag, the baseline overridden by the variation; its values are read-only
    (`MappingProxyType` for objects, tuples for arrays). `context_json` is the context as the enriched record carries
    it, UTF-8 JSON: `{"experiment_id", "variation_id", "config": {name: {"value": …}}, "is_control"}`.
    """

    variation_id: str
    is_control: bool
    config: Mapping[str, Any]
    context_json: bytes


class Allocation(msgspec.Struct, frozen=True):
    """One share of an experiment: `weight` percent (percentage strategy) or one segment (segment strategy)."""

    arm: Arm
    weight: int = 0
    segment_id: str | None = None
    segment: Segment | None = None
    priority: int | None = None
    is_fallback: bool = False


class Experiment(msgspec.Struct, frozen=True):
    """How traffic is split over one flag's variations, with everything it refers to resolved.

    `allocations` stand in the given order, `tiers` are those with a segment in priority order; `arms` has every
    variation of the flag, allocated or not. `level` is the ramp's exposure in percent (None: no ramp). `updated_at` is
    normalised to `YYYY-MM-DDTHH:MM:SS.ffffffZ`, so that text order is time order. `revision` is a short hash of all
    that decides: strategy, allocations, level, subject, configs and rules.
    """

    id: str
    feature_flag_id: str
    flow: Flow
    strategy: Strategy
    status: Status
    subject: Literal["user", "device"]
    level: int | None
    updated_at: str | None
    allocations: tuple[Allocation, ...]
    tiers: tuple[Allocation, ...]
    fallback: Allocation | None
    arms: Mapping[str, Arm]
    allocated: Mapping[str, Arm]
    revision: str


class TenantDefinitions(msgspec.Struct, frozen=True):
    """What one tenant runs: `experiments` by id in definition order, and per flow the one that serves it.

    `serving[flow]` follows the order of the contract: active in the flow, active in `all`, paused in the flow,
    paused in `all`; flows that nothing serves are absent.
    """

    experiments: Mapping[str, Experiment]
    serving: Mapping[Flow, Experiment]


class Snapshot(msgspec.Struct, frozen=True):
    """An immutable set of definitions of all tenants; `revision` is a short hash of them."""

    tenants: Mapping[str | None, TenantDefinitions]
    revision: str

    def of(self, tenant: str | None) -> TenantDefinitions:
        """Return the tenant's own definitions, else those that serve every tenant without its own."""
        own = self.tenants.get(tenant)
        return own if own is not None else self.tenants.get(None, NOTHING)


NOTHING = TenantDefinitions(experiments=MappingProxyType({}), serving=MappingProxyType({}))
