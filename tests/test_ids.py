from __future__ import annotations

from uuid import UUID, uuid5

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import trigger_event
from tests.formats.reading import trigger_of
from worker.ids import NAMESPACE, derived_id

TRIGGER = trigger_of(trigger_event())
KINDS = st.sampled_from(["exposures", "enrollments", "enriched"])
NAMES = st.tuples(st.text(max_size=5), st.text(min_size=1, max_size=5), KINDS, st.integers(0, 200))
# Few letters, digits and colons: names in which one split could be mistaken for another.
ALIKE = st.tuples(st.text("a1:", max_size=4), st.text("a1:", min_size=1, max_size=4), KINDS, st.integers(0, 2))


def id_of(scope: str, id_: str, kind: str, index: int) -> str:
    return derived_id(msgspec.structs.replace(TRIGGER, id_scope=scope, id=id_), kind, index)


@given(NAMES)
def test_an_id_is_the_uuid5_of_the_length_prefixed_parts(name: tuple[str, str, str, int]) -> None:
    scope, id_, kind, index = name
    text = f"{len(scope)}:{scope}{len(id_)}:{id_}{kind}:{index}"
    assert id_of(*name) == str(uuid5(NAMESPACE, text))


@given(NAMES)
def test_an_id_is_a_uuid_of_version_5_in_lower_case(name: tuple[str, str, str, int]) -> None:
    found = UUID(id_of(*name))
    assert (found.version, found.variant) == (5, "specified in RFC 4122")
    assert str(found) == id_of(*name)


@given(st.lists(ALIKE, unique=True, max_size=30))
def test_different_names_have_different_ids(found: list[tuple[str, str, str, int]]) -> None:
    assert len({id_of(*name) for name in found}) == len(found)


def test_no_split_of_a_text_into_source_and_id_has_the_id_of_another() -> None:
    text = "1:a2:bb1:c11:"
    ids = {id_of(text[:cut], text[cut:], "exposures", 0) for cut in range(len(text))}
    assert len(ids) == len(text)


def test_ids_stay_what_they_are() -> None:
    assert id_of("", "evt_1", "exposures", 0) == str(uuid5(NAMESPACE, "0:5:evt_1exposures:0"))
    assert id_of("", "evt_1", "exposures", 0) == "f016f548-1f3f-5064-92b1-7e4c593d1836"
    assert derived_id(TRIGGER, "enriched") == derived_id(TRIGGER, "enriched", 0)
