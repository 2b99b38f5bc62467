from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from schemas.catalogue import CONTRACTS, schema_of
from tests.definitions_documents import percentage_set, segment_set
from worker.cli.main import app

CONTROL = {"experiment_id": "exp_a", "variation_id": "var_control"}
TREATMENT = {"experiment_id": "exp_a", "variation_id": "var_treatment"}
HANDLERS = """
from worker import Handlers

handlers = Handlers()


@handlers.post_login
def treat(event, api):
    if event.experiment and not event.experiment.is_control:
        api.access.deny("no")
        api.enroll("told", {"user_id": event.user.user_id})
"""


def weights(control: int) -> list[dict[str, Any]]:
    return [
        {"variation_id": "var_control", "weight": control, "is_control": True},
        {"variation_id": "var_treatment", "weight": 100 - control, "is_control": False},
    ]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    logins = [
        {"id": f"e{at}", "trigger": "post_login", "event": {"user": {"user_id": f"u|{at % 50}"}}} for at in range(100)
    ]
    (tmp_path / "log.ndjson").write_bytes(b"\n".join(map(orjson.dumps, logins)))
    (tmp_path / "handlers.py").write_text(HANDLERS)
    write("now.json", percentage_set(allocations=weights(100)))
    return tmp_path


def write(name: str, document: dict[str, Any]) -> None:
    Path(name).write_bytes(orjson.dumps(document))


def replay(*arguments: str) -> Result:
    common = ["replay", "log.ndjson", "--definitions", "now.json", "--handlers", "handlers.py"]
    return CliRunner().invoke(app, [*common, "--compare", "then.json", *arguments])


def compared(*arguments: str) -> dict[str, Any]:
    result = replay("--json", *arguments)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)["comparison"]
    return found


@pytest.mark.usefixtures("home")
def test_it_tells_who_would_get_another_variation_and_what_follows() -> None:
    write("then.json", percentage_set(allocations=weights(0)))
    found = compared()
    assert (found["subjects"], found["changed"]) == (50, 50)
    [move] = found["moves"]
    assert (move["from"], move["to"], move["subjects"], len(move["examples"])) == (CONTROL, TREATMENT, 50, 3)
    assert found["split"] == [{**CONTROL, "now": 50, "then": 0}, {**TREATMENT, "now": 0, "then": 50}]
    assert found["commands"] == [{"method": "access.deny", "now": 0, "then": 100}]
    assert found["enrollments"] == [{"endpoint": "told", "now": 0, "then": 100}]


@pytest.mark.usefixtures("home")
def test_the_same_definitions_change_nothing() -> None:
    write("then.json", percentage_set(allocations=weights(100)))
    found = compared()
    assert found["changed"] == 0
    assert [(move["from"], move["to"], move["examples"]) for move in found["moves"]] == [(CONTROL, CONTROL, [])]


@pytest.mark.usefixtures("home")
def test_a_draft_that_is_made_active_gives_and_one_that_is_paused_takes() -> None:
    write("now.json", percentage_set(status="draft"))
    write("then.json", percentage_set())
    assert [(move["from"], move["to"]) for move in compared()["moves"]] == [(None, TREATMENT)]
    write("now.json", percentage_set())
    write("then.json", percentage_set(status="paused"))
    assert [(move["from"], move["to"]) for move in compared()["moves"]] == [(TREATMENT, None)]


@pytest.mark.usefixtures("home")
def test_segments_have_their_subjects() -> None:
    definitions = segment_set()
    definitions["segments"][0]["rules"] = [{"not_match": {"country": ["NO"]}}]
    write("then.json", definitions)
    segment = {"experiment_id": "exp_a", "segment_id": "seg_phones"}
    assert compared()["segments"] == [{**segment, "now": 0, "then": 50}]


@pytest.mark.usefixtures("home")
def test_the_outputs_are_those_of_the_definitions_in_force() -> None:
    write("then.json", percentage_set(allocations=weights(0)))
    compared()
    variations = {json.loads(line)["variation_id"] for line in Path("out/exposures.ndjson").read_text().splitlines()}
    assert variations == {"var_control"}
    summary = json.loads(Path("out/summary.json").read_text())
    [contract] = [each for each in CONTRACTS if each.name == "summary"]
    validator = Draft202012Validator(schema_of(contract))
    validator.validate(summary)
    assert not validator.is_valid({**summary, "comparison": {"moves": []}})


@pytest.mark.usefixtures("home")
def test_the_terminal_and_the_report_tell_it_too() -> None:
    write("then.json", percentage_set(allocations=weights(0)))
    result = replay("--dry-run", "--report", "report.html")
    assert "under the other definitions 50 of 50 change" in result.stdout
    text = Path("report.html").read_text()
    assert "Under the other definitions" in text
    assert "+100" in text


@pytest.mark.usefixtures("home")
def test_other_definitions_with_errors_are_refused_with_their_findings() -> None:
    write("then.json", percentage_set(feature_flag_id="flg_none"))
    result = replay()
    assert result.exit_code == 1
    assert "dangling_reference" in result.stderr
    assert not Path("out").exists()


@pytest.mark.usefixtures("home")
def test_other_definitions_that_are_missing_are_refused() -> None:
    result = replay()
    assert result.exit_code == 2
    assert "then.json: no such file or folder" in result.stderr
