"""The experiment context that handlers see."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from tests.handlers.factories import make_context


def test_it_names_experiment_and_variation() -> None:
    context = make_context(variation_id="var_c")
    assert (context.experiment_id, context.variation_id) == ("exp_1", "var_c")


def test_naming_them_is_no_reading_of_the_variation() -> None:
    reads: list[str] = []
    context = make_context(reads)
    assert context.experiment_id
    assert context.variation_id
    assert context
    assert reads == []


def test_reading_config_and_is_control_is_noted() -> None:
    reads: list[str] = []
    context = make_context(reads, is_control=True)
    assert context.is_control is True
    assert context.config["require_mfa"].value is True
    assert reads == ["is_control", "config"]


def test_config_is_a_mapping_of_every_parameter() -> None:
    config = make_context(config={"theme": "dark", "tries": 5}).config
    assert {name: parameter.value for name, parameter in config.items()} == {"theme": "dark", "tries": 5}
    assert (len(config), "theme" in config, "nope" in config) == (2, True, False)


def test_config_values_are_read_only_all_through() -> None:
    colors = MappingProxyType({"colors": ("red", MappingProxyType({"rgb": (0, 0, 1)}))})
    parameter: Any = make_context(config={"theme": colors}).config["theme"]
    assert parameter.value.colors[1]["rgb"] == (0, 0, 1)
    with pytest.raises(AttributeError, match="ConfigValue is read-only"):
        parameter.value = 1
    with pytest.raises(TypeError, match="does not support item assignment"):
        parameter.value["colors"] = 1


def test_a_missing_parameter_is_answered_with_those_of_the_flag() -> None:
    config = make_context(config={"theme": "dark", "tries": 5}).config
    with pytest.raises(KeyError, match="the flag has no parameter 'them'; it has theme, tries"):
        _ = config["them"]


def test_a_flag_without_parameters_says_so() -> None:
    with pytest.raises(KeyError, match="it has none"):
        _ = make_context(config={}).config["x"]


def test_parameters_are_no_attributes_and_the_message_says_how_to_read_them() -> None:
    config: Any = make_context().config
    with pytest.raises(AttributeError, match=r'write config\["require_mfa"\]\.value'):
        _ = config.require_mfa


@pytest.mark.parametrize("name", ["experiment_id", "variation_id", "config", "is_control"])
def test_nothing_of_the_context_can_be_set(name: str) -> None:
    with pytest.raises(AttributeError, match="no setter"):
        setattr(make_context(), name, "x")


def test_it_is_a_mapping_of_its_four_fields() -> None:
    context = make_context(config={"a": 1})
    assert dict(context) == {
        "experiment_id": "exp_1",
        "variation_id": "var_b",
        "config": {"a": {"value": 1}},
        "is_control": False,
    }
    assert len(context) == 4
    with pytest.raises(KeyError, match="segment_id"):
        _ = context["segment_id"]
