"""The read-only views of JSON objects."""

from __future__ import annotations

import copy
from types import MappingProxyType
from typing import Any

import pytest

from worker.handlers.views import Dictionary, View, wrap


class Leaf(View):
    __slots__ = ()

    name: str | None


class Tree(View):
    __slots__ = ()

    leaf: Leaf
    other: Leaf | None
    leaves: tuple[Leaf, ...]
    maybe: tuple[Leaf, ...] | None
    notes: Dictionary
    size: int | None


class Sapling(Tree):
    __slots__ = ()

    year: int | None


def tree(**data: Any) -> Tree:
    return Tree(data)


def test_a_declared_object_has_its_declared_class() -> None:
    assert isinstance(tree(leaf={"name": "a"}).leaf, Leaf)
    assert isinstance(tree(other={"name": "a"}).other, Leaf)


def test_a_declared_array_is_a_tuple_of_its_declared_class() -> None:
    found = tree(leaves=[{"name": "a"}, {"name": "b"}], maybe=[{"name": "c"}])
    assert [leaf.name for leaf in found.leaves] == ["a", "b"]
    assert isinstance(found.leaves, tuple)
    assert found.maybe is not None
    assert isinstance(found.maybe[0], Leaf)


@pytest.mark.parametrize("data", [{}, {"leaf": None, "other": None, "leaves": None, "notes": None}])
def test_absent_and_null_are_empty_where_required_and_none_where_optional(data: dict[str, Any]) -> None:
    found = Tree(data)
    assert (len(found.leaf), found.leaf.name, found.leaves, len(found.notes)) == (0, None, (), 0)
    assert (found.other, found.maybe, found.size) == (None, None, None)


def test_a_subclass_has_the_fields_of_its_base() -> None:
    found = Sapling({"year": 3, "leaf": {"name": "a"}})
    assert (found.year, found.leaf.name) == (3, "a")
    assert isinstance(found["leaf"], Leaf)


def test_a_value_of_another_type_than_declared_is_shown_as_it_is() -> None:
    found: Any = tree(leaf="text", size={"cm": 3})
    assert found.leaf == "text"
    assert isinstance(found.size, Dictionary)


def test_an_unknown_field_that_is_there_is_reached_by_attribute_and_by_key() -> None:
    found: Any = tree(new={"deep": [1, {"x": 2}]})
    assert found.new.deep == (1, {"x": 2})
    assert found["new"]["deep"][1].x == 2


def test_an_unknown_field_that_is_not_there_raises_and_guesses() -> None:
    found: Any = tree()
    with pytest.raises(AttributeError, match=r"Tree has no 'leafs'; perhaps you mean leaf; it has leaf, leaves, maybe"):
        _ = found.leafs


def test_the_python_spelling_of_a_field_is_answered_with_the_right_one() -> None:
    class Camel(View):
        __slots__ = ()

        countryCode: str | None  # noqa: N815 - the reference's spelling

    found: Any = Camel({})
    with pytest.raises(AttributeError, match="; write countryCode;"):
        _ = found.country_code


def test_a_view_without_fields_says_so() -> None:
    class Bare(View):
        __slots__ = ()

    found: Any = Bare({})
    with pytest.raises(AttributeError, match="Bare has no 'x'; it has none"):
        _ = found.x


def test_an_open_map_answers_none_for_an_absent_attribute() -> None:
    found = Dictionary({"plan": "gold", "nested": {"a": 1}})
    assert (found.plan, found.nested.a, found.missing) == ("gold", 1, None)


def test_an_open_map_is_a_mapping() -> None:
    found = Dictionary({"a": 1, "b": None})
    assert (list(found), len(found), "a" in found, "c" in found) == (["a", "b"], 2, True, False)
    assert (found.get("c"), found.get("c", 5), found.get("b", 5)) == (None, 5, None)
    assert list(found.items()) == [("a", 1), ("b", None)]
    with pytest.raises(KeyError, match="'c'"):
        _ = found["c"]


def test_keys_that_are_names_of_mapping_methods_are_reached_by_key() -> None:
    found = Dictionary({"items": [1]})
    assert callable(found.items)
    assert found["items"] == (1,)


@pytest.mark.parametrize("kind", [Tree, Dictionary])
def test_protocols_are_not_mistaken_for_fields(kind: type[View]) -> None:
    found = kind({"__deepcopy__": 1, "__array__": 2})
    assert not hasattr(found, "__deepcopy__")
    assert not hasattr(found, "__array__")


@pytest.mark.parametrize("kind", [Tree, Dictionary])
@pytest.mark.parametrize("name", ["leaf", "new", "_data"])
def test_no_attribute_can_be_set_or_deleted(kind: type[View], name: str) -> None:
    found: Any = kind({"leaf": {}})
    with pytest.raises(AttributeError, match="read-only"):
        setattr(found, name, 1)
    with pytest.raises(AttributeError, match="read-only"):
        delattr(found, name)


def test_no_item_can_be_set_or_deleted() -> None:
    found: Any = tree(leaf={})
    with pytest.raises(TypeError, match="does not support item assignment"):
        found["leaf"] = 1
    with pytest.raises(TypeError, match="does not support item deletion"):
        del found["leaf"]


def test_a_view_has_no_dictionary_of_its_own() -> None:
    assert not hasattr(tree(), "__dict__")


def test_a_view_is_not_copied_into_something_writable() -> None:
    with pytest.raises(AttributeError, match="read-only"):
        copy.copy(tree())


def test_equality_is_that_of_the_json() -> None:
    assert tree(leaf={"name": "a"}, x=[1, [2]]) == {"leaf": {"name": "a"}, "x": (1, [2])}
    assert tree(leaf={}) == Dictionary({"leaf": {}})
    assert tree(leaf={}) != {"leaf": {"name": None}}
    assert tree() != []


def test_a_view_is_unhashable_like_a_dict() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(tree())


def test_a_view_shows_its_class_and_its_fields() -> None:
    assert repr(tree(size=1, leaf={})) == "Tree({'size': 1, 'leaf': Leaf({})})"


def test_read_only_containers_are_wrapped_like_decoded_ones() -> None:
    found = wrap(MappingProxyType({"a": (1, MappingProxyType({"b": 2}))}))
    assert isinstance(found, Dictionary)
    assert found.a[1].b == 2


def test_what_is_no_json_is_passed_on() -> None:
    value = object()
    assert wrap(value) is value
