"""The experiment context that handlers see in a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from worker.experiments.arms import new_arm
from worker.experiments.definitions import Arm


@dataclass(frozen=True, slots=True)
class Experiment:
    """A context: what `event.experiment` says. `config` holds a value for each parameter of the flag."""

    experiment_id: str
    variation_id: str
    config: Mapping[str, Any] = field(default_factory=dict)
    is_control: bool = False

    def arm(self) -> Arm:
        """Return the variation as the worker hands it to handlers."""
        return new_arm(self.experiment_id, self.variation_id, dict(self.config), is_control=self.is_control)


def experiment(
    experiment_id: str = "exp_test",
    *,
    variation: str = "var_test",
    config: Mapping[str, Any] | None = None,
    is_control: bool = False,
) -> Experiment:
    """Return a context: `experiment(config={"require_mfa": True})`."""
    return Experiment(experiment_id, variation, config or {}, is_control)
