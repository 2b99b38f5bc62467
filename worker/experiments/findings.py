"""What is wrong with definitions: a closed list of codes, and where each was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Code = Literal[
    "invalid_yaml",  # the file can't be read as YAML or JSON
    "invalid_shape",  # a value has the wrong type or is out of its range
    "duplicate_id",  # two entities of one tenant have the same id
    "dangling_reference",  # an id that names nothing
    "feature_flag_not_active",  # active or paused: the flag is not active
    "experiment_missing_control",  # active or paused: not exactly one allocation is the control
    "experiment_invalid_allocation_weights",  # active or paused, percentage: the weights don't sum to 100
    "experiment_missing_default",  # active or paused, segment: not exactly one allocation is the fallback
    "variation_not_from_flag",  # active or paused: an allocation's variation is of another flag
    "experiment_active_limit_exceeded",  # two experiments of one tenant are active for the same flow
    "unknown_parameter",  # warning: an override of a parameter that the flag lacks; it is ignored
    "empty_rule",  # warning: a rule that tests nothing; it never holds
    "missing_updated_at",  # warning: an active experiment whose age is unknown
]
Severity = Literal["error", "warning"]

_LONGEST_STEP = 60
_WARNINGS: frozenset[Code] = frozenset({"unknown_parameter", "empty_rule", "missing_updated_at"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with a file of definitions; `message` says where, what was found and what was expected."""

    file: str
    entity_id: str | None
    code: Code
    severity: Severity
    message: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: its file, the entity, and the path from the top of the file."""

    file: str
    entity_id: str | None = None
    path: str = ""

    def below(self, *steps: str | int) -> Place:
        """Return the place of a part: the names and indices that lead to it."""
        parts = [f"[{step}]" if isinstance(step, int) else f".{step[:_LONGEST_STEP]}" for step in steps]
        return Place(self.file, self.entity_id, (self.path + "".join(parts)).removeprefix("."))

    def of(self, entity_id: str) -> Place:
        """Return the same place as that of an entity."""
        return Place(self.file, entity_id, self.path)

    def finding(self, code: Code, message: str) -> Finding:
        """Return what is wrong here."""
        severity: Severity = "warning" if code in _WARNINGS else "error"
        return Finding(self.file, self.entity_id, code, severity, f"{self.path}: {message}" if self.path else message)
