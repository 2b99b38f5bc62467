"""README says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from worker.cli.main import app
from worker.settings import Settings, load, names
from worker.streams.output_folder import OUTPUT_FILES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def rows(heading: str) -> list[list[str]]:
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_every_setting_stands_in_the_readme_with_its_description() -> None:
    documented = [(row[0].strip("`"), row[2]) for row in rows("Settings")]
    assert documented == list(names())


def test_every_default_stands_in_the_readme(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    shown = {setting.name: "" if setting.value is None else str(setting.value) for setting in load().listing}
    assert {row[0].strip("`"): row[1].strip("`") for row in rows("Settings")} == shown


def test_settings_in_the_readme_are_settings() -> None:
    assert all(description for _, description in names())
    assert {name.split(".")[0] for name, _ in names()} == set(Settings.model_fields)


def commands() -> set[str]:
    group = get_command(app)
    found = set()
    for name, command in group.commands.items():  # type: ignore[attr-defined] # the app has several commands: a group
        below = getattr(command, "commands", None)
        found |= {f"{name} {inner}" for inner in below} if below else {name}
    return found


def test_every_command_stands_in_the_readme() -> None:
    documented = {
        re.sub(r" [A-Z…]+$", "", row[0].strip("`")).removeprefix("experiment-worker ") for row in rows("Commands")
    }
    assert documented == commands()


@pytest.mark.parametrize("command", sorted(commands()))
def test_help_explains_a_command_with_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert "Example" in result.output
    if not command.startswith("new "):  # which reads no settings and logs nothing
        assert "--config" in result.output
        assert "--log-level" in result.output


def test_every_output_file_stands_in_the_readme() -> None:
    assert [row[0].strip("`") for row in rows("What comes out")] == [*OUTPUT_FILES, "summary.json"]


def test_promises_name_tests_that_exist() -> None:
    shown = [row[1].strip("`") for row in rows("Promises")]
    assert shown
    assert [path for path in shown if not (ROOT / path).exists()] == []


def test_the_changelog_has_an_unreleased_section() -> None:
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()
