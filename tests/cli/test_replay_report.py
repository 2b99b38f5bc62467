from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from tests.definitions_documents import percentage_set
from tests.report.replayed import login
from worker.cli.main import app

HANDLERS = """
from worker import Handlers

handlers = Handlers()


@handlers.post_login
def act(event, api):
    api.multifactor.enable("any")


@handlers.post_login{options}
def fail(event, api):
    raise ValueError(event.user.email)
"""
EMAIL = "anna@example.com"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with definitions, handlers of which one fails, and a log of ten logins and a malformed line."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "definitions.json").write_bytes(orjson.dumps(percentage_set()))
    (tmp_path / "handlers.py").write_text(HANDLERS.format(options='(experiment="exp_b")'))
    (tmp_path / "worker.toml").write_text('handlers = ["handlers.py"]\n[definitions]\npath = "definitions.json"\n')
    lines = [orjson.dumps(login(number, user={"user_id": f"auth0|{number}", "email": EMAIL})) for number in range(10)]
    (tmp_path / "log.ndjson").write_bytes(b"\n".join([*lines, b"nonsense"]) + b"\n")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["replay", "log.ndjson", *arguments])


def without_seconds(page: str) -> str:
    page = re.sub(r'<section><h2 id="speed">.*?</section>', "", page)
    return re.sub(r'<span class="seconds">.*?</span>', "", page)


def test_a_report_is_written_beside_the_outputs(home: Path) -> None:
    result = run("--report", "out/report.html")
    assert result.exit_code == 0
    assert "The report is in out/report.html." in result.stdout
    assert (home / "out" / "summary.json").exists()
    page = (home / "out" / "report.html").read_text()
    for said in ("var_treatment", "multifactor.enable", "not_json", "log.ndjson/11", "Where the time went"):
        assert said in page


def test_a_dry_run_writes_the_report_and_nothing_else(home: Path) -> None:
    before = set(home.iterdir())
    assert run("--dry-run", "--report", "report.html").exit_code == 0
    assert set(home.iterdir()) - before - {home / "__pycache__"} == {home / "report.html"}


def test_two_reports_of_one_log_are_the_same_but_for_the_seconds(home: Path) -> None:
    run("--dry-run", "--report", "one.html")
    run("--dry-run", "--report", "two.html")
    one, two = ((home / name).read_text() for name in ("one.html", "two.html"))
    assert without_seconds(one) == without_seconds(two)
    assert without_seconds(one) != one


def test_a_report_changes_neither_the_outputs_nor_the_summary(home: Path) -> None:
    run("--out", "plain")
    run("--out", "reported", "--report", "report.html")
    for file in (home / "plain").glob("*.ndjson"):
        if file.name != "dead_letters.ndjson":  # which has the time
            assert file.read_bytes() == (home / "reported" / file.name).read_bytes()
    summaries = [orjson.loads((home / name / "summary.json").read_bytes()) for name in ("plain", "reported")]
    assert summaries[0] | {"seconds": 0} == summaries[1] | {"seconds": 0}


def test_a_run_that_stops_leaves_the_earlier_report(home: Path) -> None:
    (home / "report.html").write_text("earlier")
    (home / "handlers.py").write_text(HANDLERS.format(options='(on_error="stop")'))
    assert run("--report", "report.html").exit_code == 1
    assert (home / "report.html").read_text() == "earlier"
    assert not list(home.glob(".report*"))


def test_nobody_is_named_in_a_report_of_failures(home: Path) -> None:
    (home / "handlers.py").write_text(HANDLERS.format(options=""))
    run("--dry-run", "--report", "report.html")
    page = (home / "report.html").read_text()
    assert "handler fail failed: ValueError" in page
    assert EMAIL not in page
    assert "auth0|" not in page


@pytest.mark.parametrize(
    ("report", "says"),
    [
        ("log.ndjson", "expected the name of an .html file"),
        ("folder.html", "is a folder, expected the name of a file"),
        ("missing/report.html", "can't be written: No such file or directory"),
    ],
)
def test_a_report_that_can_not_be_written_is_refused_before_the_work(home: Path, report: str, says: str) -> None:
    (home / "folder.html").mkdir()
    result = run("--report", report)
    assert result.exit_code == 2
    assert says in result.stderr
    assert not (home / "out" / "summary.json").exists()
    assert (home / "log.ndjson").stat().st_size > 0
