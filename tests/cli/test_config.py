from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from worker.cli.main import app


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "worker.toml").write_text('[subjects]\npepper = "do not tell"\n')
    monkeypatch.setenv("WORKER_EXPOSURES__WHEN", "read")
    return tmp_path


@pytest.mark.usefixtures("home")
def test_every_setting_is_shown_with_its_source_and_secrets_are_masked() -> None:
    result = CliRunner().invoke(app, ["config", "show"])
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["subjects.pepper", "********", "worker.toml"] in lines
    assert ["exposures.when", "read", "WORKER_EXPOSURES__WHEN"] in lines
    assert ["exposures.repeat", "every", "default"] in lines
    assert "do not tell" not in result.output


@pytest.mark.usefixtures("home")
def test_the_settings_are_told_as_json() -> None:
    rows = json.loads(CliRunner().invoke(app, ["config", "show", "--json"]).stdout)["settings"]
    assert {"name": "subjects.pepper", "value": "********", "source": "worker.toml"} in rows
    assert all(list(row) == ["name", "value", "source"] for row in rows)


def test_a_wrong_setting_is_one_message_and_exit_2(home: Path) -> None:
    (home / "worker.toml").write_text("[input]\nmax_depth = 1\n")
    result = CliRunner().invoke(app, ["config", "show"])
    assert result.exit_code == 2
    assert "input.max_depth (from worker.toml)" in result.stderr
    assert "Traceback" not in result.output
