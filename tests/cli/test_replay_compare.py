from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from tests.definitions_documents import percentage_set
from tests.report.replayed import halves, login
from worker.cli.main import app

SCHEMA = Path(__file__).parents[2] / "schemas" / "json" / "summary.schema.json"
HANDLERS = """
from worker import Handlers

handlers = Handlers()


@handlers.post_login{options}
def act(event, api):
    if event.experiment and event.experiment.is_control:
        raise ValueError
    if event.experiment:
        api.enroll("treated", {{}})
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with definitions that give all the treatment, others that give it a half, and forty logins."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    configured = percentage_set()
    configured["experiments"].append({**halves()["experiments"][0], "id": "exp_draft", "status": "draft"})
    (tmp_path / "definitions.json").write_bytes(orjson.dumps(configured))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "next.json").write_bytes(orjson.dumps(halves()))
    (tmp_path / "handlers.py").write_text(HANDLERS.format(options=""))
    (tmp_path / "worker.toml").write_text('handlers = ["handlers.py"]\n[definitions]\npath = "definitions.json"\n')
    (tmp_path / "log.ndjson").write_bytes(b"\n".join(orjson.dumps(login(number)) for number in range(40)))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["replay", "log.ndjson", *arguments])


def comparison(*arguments: str) -> dict[str, Any]:
    result = run("--dry-run", "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)["comparison"]
    return found


@pytest.mark.usefixtures("home")
def test_a_folder_of_other_definitions_is_compared() -> None:
    found = comparison("--compare", "other")
    assert (found["definitions"], found["activated"]) == ("other", None)
    assert 0 < found["subjects"]["changed"] < found["subjects"]["compared"] == 40
    lost = found["subjects"]["changed"]
    assert found["enrollments"] == [
        {"endpoint": "treated", "configured": 40, "other": 40 - lost, "gained": 0, "lost": lost}
    ]
    assert found["dead_letters"] == {"configured": 0, "other": lost}


@pytest.mark.usefixtures("home")
def test_a_draft_of_the_configured_definitions_is_compared_without_another_file() -> None:
    found = comparison("--activate", "exp_draft")
    assert (found["definitions"], found["activated"]) == ("definitions.json", "exp_draft")
    assert {change["after"]["experiment_id"] for change in found["changes"]} == {"exp_draft"}
    assert found["subjects"]["changed"] + found["subjects"]["moved"] == 40


def test_the_outputs_are_those_of_the_configured_definitions(home: Path) -> None:
    run("--out", "plain")
    run("--out", "compared", "--compare", "other")
    for file in (home / "plain").glob("*.ndjson"):
        assert file.read_bytes() == (home / "compared" / file.name).read_bytes()
    summary = orjson.loads((home / "compared" / "summary.json").read_bytes())
    compared = summary.pop("comparison")
    assert summary | {"seconds": 0} == orjson.loads((home / "plain" / "summary.json").read_bytes()) | {"seconds": 0}
    assert compared == comparison("--compare", "other")


@pytest.mark.usefixtures("home")
def test_a_summary_with_a_comparison_is_what_the_schema_says() -> None:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text()))
    summary = json.loads(run("--dry-run", "--json", "--activate", "exp_draft").stdout)
    validator.validate(summary)
    del summary["comparison"]["subjects"]["lost"]
    assert not validator.is_valid(summary)


@pytest.mark.usefixtures("home")
def test_the_tables_say_who_would_get_what() -> None:
    found = run("--dry-run", "--compare", "other").stdout
    assert "What if other: " in found
    assert "of 40 subjects would get something else" in found
    assert "exp_a/var_treatment → exp_a/var_control" in found
    assert "for example " in found
    assert "treated" in found


def test_the_report_has_a_section_of_it(home: Path) -> None:
    run("--dry-run", "--activate", "exp_draft", "--report", "report.html")
    page = (home / "report.html").read_text()
    for said in (
        "What if",
        "with <code>exp_draft</code> active",
        "Enrollments gained and lost",
    ):
        assert said in page


def test_definitions_with_errors_are_refused_with_their_findings(home: Path) -> None:
    (home / "other" / "next.json").write_bytes(orjson.dumps(percentage_set(feature_flag_id="flg_x")))
    result = run("--compare", "other")
    assert result.exit_code == 2
    assert "dangling_reference" in result.stderr
    assert "the definitions have errors: nothing was started" in result.stderr
    assert not (home / "out").exists()


def test_a_draft_that_is_not_ready_is_refused_with_its_findings(home: Path) -> None:
    configured = percentage_set()
    configured["experiments"].append({**configured["experiments"][0], "id": "exp_draft", "status": "draft"})
    configured["experiments"][1]["allocations"] = []
    (home / "definitions.json").write_bytes(orjson.dumps(configured))
    result = run("--activate", "exp_draft")
    assert result.exit_code == 2
    assert "exp_draft experiment_missing_control" in result.stderr
    assert "the definitions have errors with exp_draft active: nothing was started" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--compare", "nowhere"], "nowhere: no such file or folder"),
        (["--activate", "exp_x"], "no experiment 'exp_x', expected one of exp_a, exp_draft"),
        (["--compare", "other", "--activate", "exp_draft"], "no experiment 'exp_draft', expected one of exp_a"),
    ],
)
@pytest.mark.usefixtures("home")
def test_what_can_not_be_compared_is_refused_with_one_message(arguments: list[str], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""


def test_a_handler_that_stops_under_the_other_definitions_stops_the_run(home: Path) -> None:
    (home / "handlers.py").write_text(HANDLERS.format(options='(on_error="stop")'))
    result = run("--compare", "other")
    assert result.exit_code == 1
    assert "under other: handler act failed: ValueError" in result.stderr
    assert not (home / "out" / "summary.json").exists()
