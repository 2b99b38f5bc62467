"""The experiment context: what the worker adds to an event."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from schemas.base import WireModel
from schemas.text import Id


class ConfigValue(WireModel):
    """The value of one parameter: the variation's override, else the flag's baseline."""

    value: Any


class ExperimentContext(WireModel):
    """The experiment that applies to an event, as `event.experiment` has it. It never names the subject."""

    experiment_id: Id
    variation_id: Id
    config: dict[str, ConfigValue] = Field(description="Every parameter of the flag by name.")
    is_control: bool


class LogExperimentContext(ExperimentContext):
    """The context under `details.experiment` of a tenant log event."""

    segment_id: Id | None = Field(description="The segment that decided; null for the percentage strategy.")
