from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from worker.cli.simulate import simulate

app = typer.Typer()
app.command()(simulate)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["--events", "60", "--people", "20", *arguments])


def test_the_log_goes_to_stdout_and_the_summary_to_stderr() -> None:
    result = run("--malformed", "0.2", "--seed", "1")

    assert result.exit_code == 0
    assert result.stdout_bytes.count(b"\n") == 60
    assert result.stderr.startswith("60 lines of ")
    assert " malformed: " in result.stderr


def test_a_file_holds_the_same_as_stdout(home: Path) -> None:
    printed = run("--seed", "2").stdout_bytes

    assert run("--seed", "2", "--out", "log.ndjson.gz").exit_code == 0
    assert gzip.decompress((home / "log.ndjson.gz").read_bytes()) == printed


def test_json_is_a_summary_that_adds_up() -> None:
    summary = json.loads(run("--malformed", "0.3", "--out", "log.ndjson", "--json").stdout)

    kinds = summary["kinds"]
    told = sum(kinds.get(kind, 0) for kind in ("trigger", "cloudevent", "user_created", "log", "wrapped_log"))
    skipped = sum(kinds.get(kind, 0) for kind in ("other_log", "other_cloudevent", "blank"))
    assert summary["lines"] == sum(kinds.values()) == 60
    assert summary["malformed"] == 60 - told - skipped > 0
    assert 0 < summary["people"] <= 20


def test_progress_is_shown_on_request_only() -> None:
    assert "simulating" in run("--out", "log.ndjson", "--progress").stderr
    assert "simulating" not in run("--out", "log.ndjson").stderr


def test_start_and_days_place_the_log_in_time() -> None:
    lines = run("--start", "2025-03-01T00:00:00+01:00", "--days", "2").stdout.splitlines()

    assert all("2025-03-" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--malformed", "1.5"), "--malformed is 1.5, expected a share from 0 to 1"),
        (("--events", "-1"), "--events is -1, expected 0 or more"),
        (("--people", "0"), "--people is 0, expected 1 to 1,000,000"),
        (("--start", "yesterday"), "--start is 'yesterday', expected an RFC 3339 time"),
        (("--out", "log.csv"), "log.csv: not a kind of file that is written"),
        (("--out", "missing/log.ndjson"), "missing/log.ndjson: can't be written"),
        (("--json",), "--json prints a summary on stdout"),
    ],
)
def test_wrong_use_is_one_message_and_exit_2(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {message}")
