from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from worker.cli.main import app

TRIGGERS = ["post_login", "pre_user_registration", "post_user_registration"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def tool(home: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_new_handler_passes_its_tests_and_is_clean(home: Path, trigger: str) -> None:
    assert run("new", "handler", "mine.py", "--trigger", trigger, "--experiment", "exp_passkeys").exit_code == 0
    assert "3 passed" in tool(home, "pytest", "-q", "-p", "no:cacheprovider")
    tool(home, "ruff", "check", "--isolated", ".")
    tool(home, "ruff", "format", "--isolated", "--check", ".")


def test_a_handlers_test_fails_where_the_handler_is_wrong(home: Path) -> None:
    run("new", "handler", "mine.py")
    handler = home / "mine.py"
    handler.write_text(handler.read_text().replace('"any"', '"none"'))
    done = subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=home, capture_output=True, text=True, check=False)
    assert "1 failed, 2 passed" in done.stdout


def test_new_definitions_serve_a_replay(home: Path) -> None:
    assert run("new", "definitions").exit_code == 0
    assert run("validate", "definitions/first.yaml", "--strict").exit_code == 0
    assert run("simulate", "--events", "200", "--out", "log.ndjson").exit_code == 0
    assert run("replay", "log.ndjson", "--definitions", "definitions").exit_code == 0
    assert (home / "out" / "summary.json").exists()


def test_nothing_is_overwritten(home: Path) -> None:
    (home / "test_mine.py").write_text("mine")
    refused = run("new", "handler", "mine.py")
    assert refused.exit_code == 2
    assert refused.stderr == "error: found test_mine.py, which is not overwritten: name another file\n"
    assert not (home / "mine.py").exists()


@pytest.mark.parametrize("name", ["handlers", "my-handlers.py", "class.py"])
def test_a_file_that_nothing_could_import_is_refused(home: Path, name: str) -> None:
    refused = run("new", "handler", name)
    assert refused.exit_code == 2
    assert "expected the name of a Python module" in refused.stderr
    assert list(home.iterdir()) == []


def test_an_experiment_that_is_no_id_is_refused(home: Path) -> None:
    assert run("new", "handler", "--experiment", 'x"y').exit_code == 2
    assert list(home.iterdir()) == []
