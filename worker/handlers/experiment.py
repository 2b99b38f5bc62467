"""The experiment context as a handler sees it: `event.experiment`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from worker.experiments.definitions import Arm
from worker.handlers.errors import UnknownNameError, UnknownParameterError, no_attribute
from worker.handlers.views import View


class ConfigValue(View):
    """One parameter of the flag; objects in `value` are mappings, arrays tuples."""

    __slots__ = ()

    value: Any


class Config(Mapping[str, ConfigValue]):
    """Every parameter of the experiment's flag by name, the variation's overrides merged in."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> ConfigValue:
        try:
            return ConfigValue({"value": self._values[name]})
        except KeyError:
            known = ", ".join(sorted(self._values)) or "none"
            asked = repr(name) if str(name).isidentifier() else "of that name"  # which may be data
            raise UnknownParameterError(f"the flag has no parameter {asked}; it has {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    if TYPE_CHECKING:  # mypy must see it
        ...
    else:

        def __getattr__(self, name):  # noqa: ANN001, ANN204 - hidden from mypy
            raise UnknownNameError(f'parameters are no attributes; write config["{name}"].value')


class ExperimentContext(Mapping[str, Any]):
    """The experiment that applies to an event, and the variation that its subject has. Read-only.

    What is read of the variation (`config`, `is_control`) is noted by name in `reads`, so that the worker can tell
    exposed subjects from merely assigned ones. It is a mapping too, so that it can be passed on as it is.
    """

    __slots__ = ("_arm", "_experiment_id", "_reads")

    def __init__(self, experiment_id: str, arm: Arm, reads: list[str]) -> None:
        self._experiment_id = experiment_id
        self._arm = arm
        self._reads = reads

    @property
    def experiment_id(self) -> str:
        """Which experiment it is."""
        return self._experiment_id

    @property
    def variation_id(self) -> str:
        """Which variation the subject has."""
        return self._arm.variation_id

    @property
    def config(self) -> Config:
        """Every parameter of the flag: `config[name].value`."""
        self._reads.append("config")
        return Config(self._arm.config)

    @property
    def is_control(self) -> bool:
        """Whether the variation is the control."""
        self._reads.append("is_control")
        return self._arm.is_control

    def __getitem__(self, name: str) -> Any:
        if name not in _FIELDS:
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter(_FIELDS)

    def __len__(self) -> int:
        return len(_FIELDS)

    if TYPE_CHECKING:  # mypy must see it
        ...
    else:

        def __getattr__(self, name):  # noqa: ANN001, ANN204 - hidden from mypy
            raise no_attribute("event.experiment", name, _FIELDS, "event.experiment.")


_FIELDS = ("experiment_id", "variation_id", "config", "is_control")
