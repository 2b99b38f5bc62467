from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.telemetry.labels import BoundedLabels


@pytest.mark.parametrize("kind", ["tombstone", "blank", "outside_window", "log:fp", "log:gd_auth_succeed"])
def test_a_kind_of_plain_words_is_its_own_label(kind: str) -> None:
    assert BoundedLabels().of(kind) == kind


@pytest.mark.parametrize("name", ["", "jane@acme.no", "Jane", "a b", "auth0|1", "4711", "x" * 49, "é", "a\n", "a..b"])
def test_a_type_that_could_be_an_identifier_is_other_of_its_family(name: str) -> None:
    assert BoundedLabels().of(f"log:{name}") == "log:other"


def test_kinds_beyond_the_limit_are_other_and_known_ones_stay() -> None:
    labels = BoundedLabels(limit=2)
    kinds = ["log:a", "log:b", "log:c", "cloudevent:d", "log:a"]
    assert [labels.of(kind) for kind in kinds] == ["log:a", "log:b", "log:other", "cloudevent:other", "log:a"]


@given(st.lists(st.text()))
def test_whatever_the_kinds_there_are_few_labels_and_none_with_a_digit_or_an_at(names: list[str]) -> None:
    labels = BoundedLabels(limit=5)
    found = {labels.of(f"log:{name}") for name in names}
    assert len(found) <= 6
    assert not any(sign.isdigit() or sign in "@|+ " for label in found for sign in label)
