from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from tests.definitions_documents import percentage_set
from worker.cli.main import app


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["validate", *arguments])


def write(path: Path, **experiment: object) -> str:
    path.write_bytes(orjson.dumps(percentage_set(**experiment)))
    return path.name


def test_right_definitions_exit_0(home: Path) -> None:
    result = run(write(home / "right.json"))
    assert (result.exit_code, result.stdout) == (0, "0 errors, 0 warnings; 1 experiment, 1 active\n")


def test_all_findings_are_printed_and_errors_exit_1(home: Path) -> None:
    result = run(write(home / "wrong.json", feature_flag_id="flg_none", updated_at=None))
    assert result.exit_code == 1
    assert "error: wrong.json: exp_a dangling_reference" in result.stdout
    assert "warning: wrong.json: exp_a missing_updated_at" in result.stdout


def test_a_set_that_serves_nothing_says_so(home: Path) -> None:
    result = run(write(home / "draft.json", status="draft"))
    assert (result.exit_code, result.stdout) == (0, "0 errors, 0 warnings; 1 experiment, 0 active\n")


def test_warnings_exit_0_unless_strict(home: Path) -> None:
    name = write(home / "warned.json", updated_at=None)
    assert run(name).exit_code == 0
    assert run(name, "--strict").exit_code == 1


def test_json_has_every_field_of_a_finding(home: Path) -> None:
    result = run(write(home / "wrong.json", feature_flag_id="flg_none"), "--json")
    findings = json.loads(result.stdout)["findings"]
    assert findings
    assert all(list(found) == ["file", "entity_id", "code", "severity", "message"] for found in findings)


def test_files_are_read_together(home: Path) -> None:
    document = percentage_set()
    flags, experiments = {"feature_flags": document["feature_flags"]}, {"experiments": document["experiments"]}
    (home / "flags.json").write_bytes(orjson.dumps(flags))
    (home / "experiments.json").write_bytes(orjson.dumps(experiments))
    assert run("flags.json", "experiments.json").exit_code == 0
    assert run("experiments.json").exit_code == 1


def test_a_folder_is_read_without_hidden_files(home: Path) -> None:
    (home / "set").mkdir()
    write(home / "set/right.json")
    (home / "set/.hidden").mkdir()
    (home / "set/.hidden/wrong.json").write_text("nonsense")
    assert run("set").exit_code == 0


@pytest.mark.parametrize("path", ["missing.yaml", "notes.txt", "empty"])
def test_a_path_without_definitions_is_wrong_usage(home: Path, path: str) -> None:
    (home / "notes.txt").write_text("notes")
    (home / "empty").mkdir()
    result = run(path)
    assert result.exit_code == 2
    assert path in result.stderr
    assert "expected" in result.stderr
