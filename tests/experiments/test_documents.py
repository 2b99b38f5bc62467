from __future__ import annotations

from typing import Any

import pytest
import yaml

from worker.experiments import yaml_core
from worker.experiments.documents import read_document
from worker.experiments.yaml_core import UnreadableError


def problem(name: str, content: bytes) -> str:
    with pytest.raises(UnreadableError) as raised:
        read_document(name, content)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("y", "y"),
        ("2026-01-03", "2026-01-03"),
        ("2026-01-03T10:00:00Z", "2026-01-03T10:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("017", 17),
        ("-5", -5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("true", True),
        ("FALSE", False),
        ("Null", None),
        ("~", None),
        ("", None),
        ("=", "="),
        ("!!map {}", {}),
        ("!!seq []", []),
        ("|\n  text\n", "text\n"),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: Any) -> None:
    found = read_document("a.yaml", f"key: {text}".encode())
    assert (found, type(found["key"])) == ({"key": value}, type(value))


def test_countries_stay_strings() -> None:
    assert read_document("a.yaml", b"country: [NO, SE, DE]") == {"country": ["NO", "SE", "DE"]}


def test_an_alias_is_what_its_anchor_is() -> None:
    assert read_document("a.yaml", b"x-a: &a {value: [1]}\nb: *a") == {"x-a": {"value": [1]}, "b": {"value": [1]}}


def test_a_key_in_quotes_is_any_string() -> None:
    assert read_document("a.yaml", b"{'<<': 1, '5': 2, 'NO': 3, '': 4}") == {"<<": 1, "5": 2, "NO": 3, "": 4}
    assert read_document("a.yaml", b"a: &a '<<'\n*a : 1") == {"a": "<<", "<<": 1}


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
@pytest.mark.parametrize("content", [b"", b" \n", b"\xef\xbb\xbf"])
def test_a_blank_file_defines_nothing(name: str, content: bytes) -> None:
    assert read_document(name, content) is None


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_a_byte_order_mark_is_no_content(name: str) -> None:
    assert read_document(name, b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1,\nb: 2", "line 3, column 1: did not find expected ',' or ']'"),
        (b"a: b: c", "line 1, column 5: mapping values are not allowed in this context"),
        (b"a: 1\nb: \xff", "line 2, column 4: not UTF-8"),
        (b"a: 1\nb: \x00", "line 2, column 4: a character that YAML does not allow"),
        (b"a: 1\nb: 2\na: 3", "line 3, column 1: the key 'a' stands twice in one mapping"),
        (b"NO: 1\n5: 2", "line 2, column 1: a key that is no string, expected a string (in quotes)"),
        (b"? [a]\n: 1", "line 1, column 3: a key that is no string, expected a string (in quotes)"),
        (b"a: &a {b: 1}\nc:\n  <<: *a", "line 3, column 3: a merge key, which YAML 1.2 does not have"),
        (b"a: !!int '5'", "line 1, column 4: a tag, expected plain YAML"),
        (b"a: !python/object {}", "line 1, column 4: a tag, expected plain YAML"),
        (b"a: 1\n---\nb: 2", "line 2, column 1: a second document, expected one for each file"),
        (b"a: *b", "line 1, column 4: no complete anchor 'b' before this alias"),
        (b"a: &a [*a]", "line 1, column 8: no complete anchor 'a' before this alias"),
        (b"a: {b: [.nan]}", "a.b[0]: a number that is not finite, which JSON does not have"),
        (b"- -.inf", "[0]: a number that is not finite, which JSON does not have"),
        (b"a: 1e999", "a: a number that is not finite, which JSON does not have"),
        (b"a: " + b"9" * 5000, "line 1, column 4: a number of 5000 digits"),
        (b"[" * 65 + b"]" * 65, "line 1, column 65: nested deeper than 64 levels"),
    ],
)
def test_yaml_that_definitions_can_not_be_is_refused(content: bytes, message: str) -> None:
    assert problem("a.yaml", content) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1,\n "b" 2}', "line 2, column 6: Expecting ':' delimiter"),
        (b"{'a': 1}", "line 1, column 2: Expecting property name enclosed in double quotes"),
        (b'{"a": 1} x', "line 1, column 10: Extra data"),
        (b'{"a": {"b": 1, "b": 2}}', "the key 'b' stands twice in one object"),
        (b'{"a": NaN}', "a: a number that is not finite, which JSON does not have"),
        (b'{"a": [-Infinity]}', "a[0]: a number that is not finite, which JSON does not have"),
        (b"1e999", "the document: a number that is not finite, which JSON does not have"),
        (b'{"a": "\\ud83d"}', "a: a lone surrogate, half of a character"),
        (b'{"a": {"\\ud83d": 1}}', "a: a lone surrogate, half of a character"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number with too many digits"),
        (b"[" * 65 + b"]" * 65, "nested deeper than 64 levels"),
        (b"[" * 100_000 + b"]" * 100_000, "nested deeper than 64 levels"),
    ],
)
def test_json_that_definitions_can_not_be_is_refused(content: bytes, message: str) -> None:
    assert problem("a.json", content) == message


def test_aliases_that_expand_without_bound_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    assert "more than 500000 values, aliases counted at their full size" in problem("a.yaml", "\n".join(lines).encode())


def test_aliases_that_nest_without_bound_are_refused() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 100)]
    assert problem("a.yaml", "\n".join(lines).encode()) == "nested deeper than 64 levels"


@pytest.mark.parametrize("content", [b"a: [NO, 5, {b: *x}]", b"a: &x [NO, 5]\nb: {c: *x}", b"a: [", b"a: \x00"])
def test_the_compiled_parser_and_the_plain_one_agree(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome() -> Any:
        try:
            return read_document("a.yaml", content)
        except UnreadableError:
            return "refused"

    compiled = outcome()
    monkeypatch.setattr(yaml_core, "_LOADER", yaml.SafeLoader)
    assert outcome() == compiled
