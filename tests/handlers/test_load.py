"""Loading the modules that hold the users' handlers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from worker.handlers.load import HandlersNotLoadedError, load_handlers

GOOD = """
    from worker import Handlers

    handlers = Handlers()

    @handlers.post_login
    def {name}(event, api):
        pass
"""


def write(file: Path, code: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(dedent(code))
    return file


def good(name: str = "greet") -> str:
    return GOOD.replace("{name}", name)


def names(base: Path, *handlers: str) -> list[str]:
    return [handler.name for handler in load_handlers(handlers, base=base).of("post_login")]


def refusal(base: Path, *handlers: str) -> str:
    with pytest.raises(HandlersNotLoadedError) as raised:
        load_handlers(handlers, base=base)
    return str(raised.value)


@pytest.fixture(autouse=True)
def _clean_imports() -> Iterator[None]:
    modules, path = set(sys.modules), sys.path[:]
    yield
    assert sys.path == path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def test_a_file_is_loaded_relative_to_the_base(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "my.handlers.py", good())
    assert names(tmp_path, "deep/my.handlers.py") == ["greet"]


def test_an_absolute_file_is_loaded(tmp_path: Path) -> None:
    file = write(tmp_path / "handlers.py", good())
    assert names(Path("/nowhere"), str(file)) == ["greet"]


def test_an_import_path_is_looked_for_below_the_base_too(tmp_path: Path) -> None:
    write(tmp_path / "shop_handlers" / "login.py", good())
    assert names(tmp_path, "shop_handlers.login") == ["greet"]


def test_handlers_run_in_the_order_of_their_modules(tmp_path: Path) -> None:
    write(tmp_path / "b.py", good("second"))
    write(tmp_path / "a.py", good("first"))
    assert names(tmp_path, "b.py", "a.py") == ["second", "first"]


def test_every_handlers_object_of_a_module_counts(tmp_path: Path) -> None:
    write(tmp_path / "two.py", dedent(good("one")) + dedent(good("two")).replace("handlers", "others"))
    assert names(tmp_path, "two.py") == ["one", "two"]


def test_a_file_may_import_its_neighbours_while_it_is_loaded(tmp_path: Path) -> None:
    write(tmp_path / "x" / "neighbour_of_handlers.py", "NAME = 'greet'\n")
    write(tmp_path / "x" / "handlers.py", "    from neighbour_of_handlers import NAME\n" + good())
    assert names(tmp_path, "x/handlers.py") == ["greet"]


def test_files_of_one_name_in_two_folders_are_two_modules(tmp_path: Path) -> None:
    write(tmp_path / "a" / "handlers.py", good("first"))
    write(tmp_path / "b" / "handlers.py", good("second"))
    assert names(tmp_path, "a/handlers.py", "b/handlers.py") == ["first", "second"]


def test_handlers_shared_by_two_modules_count_once(tmp_path: Path) -> None:
    write(tmp_path / "shared_by_two.py", good())
    write(tmp_path / "other_of_two.py", "from shared_by_two import handlers\n")
    assert names(tmp_path, "shared_by_two", "other_of_two") == ["greet"]


def test_nothing_to_load_is_an_empty_registry(tmp_path: Path) -> None:
    assert names(tmp_path) == []


def test_a_module_that_uses_its_own_name_finds_itself(tmp_path: Path) -> None:
    write(tmp_path / "self.py", "    import sys\n    assert sys.modules[__name__].__file__\n" + good())
    assert names(tmp_path, "self.py") == ["greet"]


def test_a_module_may_take_its_folder_out_of_the_path(tmp_path: Path) -> None:
    write(tmp_path / "rude.py", "    import sys\n    sys.path.pop(0)\n" + good())
    assert names(tmp_path, "rude.py") == ["greet"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path, "nope.py") == "handlers nope.py: no such file, expected Python code"


@pytest.mark.parametrize("name", ["no_such_handlers", "no_such_package.handlers"])
def test_a_missing_module_is_named(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path, name) == f"handlers {name}: no such module (looked in {tmp_path} too)"


def test_a_syntax_error_has_its_line(tmp_path: Path) -> None:
    write(tmp_path / "wrong.py", "a = 1\nb = = 2\n")
    expected = "wrong.py:2: SyntaxError: invalid syntax (handlers wrong.py)\n    b = = 2"
    assert refusal(tmp_path, "wrong.py") == expected


def test_an_error_in_a_neighbour_has_the_neighbours_line(tmp_path: Path) -> None:
    write(tmp_path / "neighbour_that_fails.py", "\n1 / 0\n")
    write(tmp_path / "handlers.py", "    import neighbour_that_fails\n" + good())
    expected = "neighbour_that_fails.py:2: ZeroDivisionError: division by zero (handlers handlers.py)\n    1 / 0"
    assert refusal(tmp_path, "handlers.py") == expected


def test_the_line_is_the_one_that_stands_in_the_file_now(tmp_path: Path) -> None:
    for divisor in ("0", "0 "):
        write(tmp_path / "edited.py", f"1 / {divisor}# {len(divisor)}\n")
        assert refusal(tmp_path, "edited.py").endswith(f"# {len(divisor)}")


def test_the_place_is_told_from_where_the_worker_stands(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "wrong.py", "1 / 0\n")
    assert refusal(tmp_path, "deep/wrong.py").startswith("deep/wrong.py:1: ")
    assert refusal(tmp_path / "deep", "../deep/wrong.py").startswith("wrong.py:1: ")


@pytest.mark.parametrize("name", ["failing_handlers.py", "failing_handlers"])
def test_an_exception_is_named_with_the_users_line(tmp_path: Path, name: str) -> None:
    write(tmp_path / "failing_handlers.py", "import json\n\njson.loads('no\\njson')\n")
    assert refusal(tmp_path, name).startswith("failing_handlers.py:3: JSONDecodeError: Expecting value")


@pytest.mark.parametrize("name", ["importing_handlers.py", "importing_handlers"])
def test_a_failing_import_in_a_module_is_not_taken_for_the_module(tmp_path: Path, name: str) -> None:
    write(tmp_path / "importing_handlers.py", "\nimport no_such_thing\n")
    expected = "importing_handlers.py:2: ModuleNotFoundError: No module named 'no_such_thing'"
    assert refusal(tmp_path, name) == f"{expected} (handlers {name})\n    import no_such_thing"


def test_a_module_that_exits_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "exits.py", "import sys\nsys.exit('bye')\n")
    assert refusal(tmp_path, "exits.py") == "exits.py:2: SystemExit: bye (handlers exits.py)\n    sys.exit('bye')"


def test_an_error_outside_the_module_has_no_line(tmp_path: Path) -> None:
    assert refusal(tmp_path, "").startswith("handlers : ValueError: Empty module name")


def test_a_failed_file_leaves_no_module_behind(tmp_path: Path) -> None:
    before = set(sys.modules)
    write(tmp_path / "failing.py", "1 / 0\n")
    refusal(tmp_path, "failing.py")
    assert set(sys.modules) == before


def test_a_module_without_handlers_is_told_what_is_missing(tmp_path: Path) -> None:
    write(tmp_path / "empty.py", "from worker import Handlers\n")
    assert refusal(tmp_path, "empty.py") == (
        "handlers empty.py: no Handlers object in it, expected `handlers = Handlers()`"
    )


def test_a_wrong_registration_has_its_place_once(tmp_path: Path) -> None:
    file = write(tmp_path / "wrong.py", good().replace("(event, api)", "(event)"))
    expected = f"{file}:6: greet: a handler takes (event, api), this one takes (event)"
    assert refusal(tmp_path, "wrong.py") == expected


def test_two_handlers_of_one_name_in_two_modules_are_refused(tmp_path: Path) -> None:
    first, second = (write(tmp_path / name, good()) for name in ("a.py", "b.py"))
    expected = f"{second}:6: a second handler of post_login is named greet; the first is at {first}:6"
    assert refusal(tmp_path, "a.py", "b.py") == expected


def test_the_cause_is_kept(tmp_path: Path) -> None:
    write(tmp_path / "failing.py", "1 / 0\n")
    with pytest.raises(HandlersNotLoadedError) as raised:
        load_handlers(["failing.py"], base=tmp_path)
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
