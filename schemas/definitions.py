"""The definitions: flags, variations, segments and experiments, as the Experiment Center's Management API returns them.

Validation is strict: a string is no number, a boolean no integer. Fields that are not declared here are kept, but for
those inside a segment's rules, where an unknown word would change who is in the segment.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, ValidationInfo, field_validator
from pydantic import model_validator as validator

from schemas.base import WireModel
from schemas.text import Id

FlagStatus = Literal["draft", "active", "archived"]
SegmentStatus = Literal["active", "archived"]
ExperimentStatus = Literal["draft", "active", "paused", "completed", "archived"]
EntityType = Literal["self", "auth0"]
ParameterType = Literal["string", "boolean", "number", "array", "object"]
AuthenticationFlow = Literal[
    "authentication", "mfa_enrollment", "mfa_challenge", "password_reset", "passkey_enrollment", "all"
]
AllocationStrategy = Literal["percentage", "segment"]
SegmentAttribute = Literal[
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
ConditionOperator = Literal["equals", "not_equals", "in", "not_in", "exists", "not_exists"]

# Years 1000 to 8999 stay within the calendar's range in every time zone.
_RFC3339 = re.compile(
    r"([1-8]\d{3}-\d\d-\d\d[Tt ]\d\d:\d\d:)(60|[0-5]\d)(?:\.\d+)?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)


def _real_time(text: str) -> str:
    """Accept a date and time of RFC 3339 that a calendar has; a leap second is the second before it."""
    found = _RFC3339.fullmatch(text)
    try:
        if found is not None:
            date, seconds, offset = found.groups()
            datetime.fromisoformat(date + seconds.replace("60", "59") + offset.upper().replace("Z", "+00:00"))
            return text
    except ValueError:
        pass
    raise ValueError("a date and time of RFC 3339")


def _strictly_increasing(levels: list[int]) -> list[int]:
    if levels != sorted(set(levels)):
        raise ValueError("levels that increase from one to the next")
    return levels


Timestamp = Annotated[str, AfterValidator(_real_time), Field(json_schema_extra={"format": "date-time"})]
Percent = Annotated[int, Field(ge=0, le=100)]


class Definition(WireModel):
    """What all entities share."""

    model_config = ConfigDict(strict=True)


class Entity(Definition):
    """A named object of the tenant; timestamps are RFC 3339."""

    id: Id
    name: str | None = None
    description: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None


class Parameter(Definition):
    """What a flag can vary: `value` is the baseline, of the declared `type`."""

    type: ParameterType
    value: Any
    description: str | None = None


class Override(Definition):
    """What a variation sets a parameter to."""

    value: Any


class NestedVariation(Entity):
    """A variation inside its flag."""

    feature_flag_id: Id | None = None
    overrides: dict[str, Override] = Field(default_factory=dict, description="By parameter; empty for the control.")


class Variation(NestedVariation):
    """One version of the experience; belongs to exactly one flag."""

    feature_flag_id: Id


class FeatureFlag(Entity):
    """What is being tested; several experiments may use it over time."""

    type: EntityType | None = None
    status: FlagStatus
    parameters: dict[str, Parameter]
    variations: list[NestedVariation] | None = None

    @field_validator("variations")
    @classmethod
    def _are_its_own(
        cls, variations: list[NestedVariation] | None, info: ValidationInfo
    ) -> list[NestedVariation] | None:
        flag_id = info.data.get("id")
        if flag_id and any(variation.feature_flag_id not in {None, flag_id} for variation in variations or ()):
            raise ValueError("variations of this flag")
        return variations


class _Closed(Definition):
    """Knows all its words: an unknown one is refused together with the list of the known."""

    model_config = ConfigDict(extra="forbid")

    @validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, value: Any) -> Any:
        unknown = sorted(value.keys() - cls.model_fields.keys()) if isinstance(value, dict) else []
        if unknown:
            raise ValueError(f"only {', '.join(cls.model_fields)} in it, not {unknown[0][:40]!r}")
        return value


class Operators(_Closed):
    """Operators on one attribute; all that are given must hold, each list for any of its strings."""

    contains: list[str] | None = None
    starts_with: list[str] | None = None
    ends_with: list[str] | None = None
    exists: bool | None = None


def _expression_tag(value: Any) -> Hashable:
    known: dict[type, str] = {list: "<list>", dict: "<operators>", Operators: "<operators>"}
    return known.get(type(value))


Expression = Annotated[
    Annotated[list[str], Tag("<list>")] | Annotated[Operators, Tag("<operators>")],
    Discriminator(
        _expression_tag,
        custom_error_type="expression",
        custom_error_message="an array of strings, or an object of contains, starts_with, ends_with, exists",
    ),
]


class MatchRule(_Closed):
    """Holds if every attribute of `match` matches and none of `not_match` does."""

    match: dict[SegmentAttribute, Expression] | None = None
    not_match: dict[SegmentAttribute, Expression] | None = None


def _is_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _if_operator(*operators: ConditionOperator, value: dict[str, Any], required: bool = True) -> dict[str, Any]:
    """Return what JSON Schema says of a condition's value under these operators."""
    then: dict[str, Any] = {"properties": {"value": value}, **({"required": ["value"]} if required else {})}
    return {"if": {"properties": {"operator": {"enum": list(operators)}}}, "then": then}


class Condition(_Closed):
    """One test on one attribute.

    `value` is a string for `equals`, `not_equals`, an array of strings for `in`, `not_in`, and absent or a boolean for
    `exists`, `not_exists`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                _if_operator("equals", "not_equals", value={"type": "string"}),
                _if_operator("in", "not_in", value={"type": "array", "items": {"type": "string"}}),
                _if_operator("exists", "not_exists", value={"type": ["boolean", "null"]}, required=False),
            ]
        }
    )

    attribute: SegmentAttribute
    operator: ConditionOperator
    value: Any = Field(default=None, validate_default=True)

    @field_validator("value")
    @classmethod
    def _fit_the_operator(cls, value: Any, info: ValidationInfo) -> Any:
        match info.data.get("operator"):
            case "equals" | "not_equals" if not isinstance(value, str):
                raise ValueError("a string")
            case "in" | "not_in" if not _is_strings(value):
                raise ValueError("an array of strings")
            case "exists" | "not_exists" if not (value is None or isinstance(value, bool)):
                raise ValueError("no value, or a boolean")
        return value


class ConditionRule(_Closed):
    """Holds if all, or any, of the conditions hold."""

    match_type: Literal["all", "any"]
    conditions: list[Condition]


def _rule_tag(value: Any) -> Hashable:
    if isinstance(value, dict):
        return "<conditions>" if value.keys() & {"conditions", "match_type"} else "<match>"
    known: dict[type, str] = {MatchRule: "<match>", ConditionRule: "<conditions>"}
    return known.get(type(value))


Rule = Annotated[
    Annotated[MatchRule, Tag("<match>")] | Annotated[ConditionRule, Tag("<conditions>")],
    Discriminator(
        _rule_tag,
        custom_error_type="rule",
        custom_error_message="an object of match and not_match, or of match_type and conditions",
    ),
]


class Segment(Entity):
    """A named group of requests: one is in it if any rule holds."""

    type: EntityType | None = None
    status: SegmentStatus = "active"
    rules: list[Rule]


class FlagSnapshot(Definition):
    """The flag as it was when the experiment was made; what is there wins over the current flag."""

    status: FlagStatus | None = None
    parameters: dict[str, Parameter] | None = None
    variations: list[NestedVariation] | None = None


class VariationSnapshot(Definition):
    """The variation as it was; `overrides` win over the current ones."""

    feature_flag_id: Id | None = None
    overrides: dict[str, Override] | None = None


class SegmentSnapshot(Definition):
    """The segment as it was; what is there wins over the current segment."""

    status: SegmentStatus | None = None
    rules: list[Rule] | None = None


class Allocation(Definition):
    """One share of an experiment.

    `weight` is in percent (percentage strategy). `priority` orders the segments, 1 first; `is_fallback` marks the
    allocation for requests in none of them (segment strategy).
    """

    variation_id: Id
    weight: Percent | None = None
    segment_id: Id | None = None
    priority: int | None = None
    is_control: bool | None = None
    is_fallback: bool | None = None
    variation_snapshot: VariationSnapshot | None = None
    segment_snapshot: SegmentSnapshot | None = None


class AssignmentConfig(Definition):
    """Who is assigned: the device or (default) the user."""

    subject: Literal["device", "user"] | None = None


class Experiment(Entity):
    """How traffic is split over one flag's variations, and when.

    `levels` is the schedule of the ramp and `current_level` the exposure in force, both in percent; null is no ramp.
    """

    feature_flag_id: Id
    feature_flag_name: str | None = None
    authentication_flow: AuthenticationFlow
    allocation_strategy: AllocationStrategy
    status: ExperimentStatus
    is_valid: bool | None = None
    default_config: Any = None
    editable_fields: Any = None
    feature_flag_snapshot: FlagSnapshot | None = None
    allocations: list[Allocation] = Field(default_factory=list)
    assignment_config: AssignmentConfig | None = None
    levels: (
        Annotated[list[Percent], AfterValidator(_strictly_increasing), Field(json_schema_extra={"uniqueItems": True})]
        | None
    ) = None
    current_level: Percent | None = None
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None


class DefinitionsFile(Definition):
    """One file of definitions.

    Files of one tenant are read as one set; those without `tenant` serve every tenant that has no file of its own.
    """

    tenant: Id | None = None
    feature_flags: list[FeatureFlag] = Field(default_factory=list)
    variations: list[Variation] = Field(default_factory=list)
    segments: list[Segment] = Field(default_factory=list)
    experiments: list[Experiment] = Field(default_factory=list)
