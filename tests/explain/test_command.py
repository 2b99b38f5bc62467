from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from deploy.dev.servers import free_port
from tests.definitions_documents import percentage_set, segment_set
from worker.cli.main import app
from worker.experiments.explain import mask

LOGIN = {
    "id": "evt_1",
    "trigger": "post_login",
    "time": "2026-01-05T10:00:00Z",
    "event": {"user": {"user_id": "u|12345"}},
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "percentage.json").write_bytes(orjson.dumps(percentage_set()))
    (tmp_path / "segment.json").write_bytes(orjson.dumps(segment_set()))
    return tmp_path


def explain(*arguments: str, definitions: str = "percentage.json", **options: str) -> Result:
    return CliRunner().invoke(app, ["explain", "--definitions", definitions, *arguments], **options)  # type: ignore[arg-type]


@pytest.mark.usefixtures("home")
def test_each_step_is_a_line_and_the_one_that_decides_is_marked() -> None:
    result = explain("--email", "ada@example.com")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("    ") and line[4] != " "] == [
        "override",
        "experiment",
        "subject",
        "store",
        "ramp",
    ]
    assert next(line for line in lines if line.startswith("  →")).split()[1] == "split"
    assert "= var_treatment: split, would be the first exposure" in lines
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.usefixtures("home")
def test_nobodys_name_is_shown_whole() -> None:
    result = explain(
        "--email", "ada@example.com", "--phone", "+4712345678", "--user-id", "auth0|5f7c8ec7c33c6c004bbafe82"
    )
    assert "a…@e….com" in result.stdout
    assert not [name for name in ("ada@", "+4712345678", "5f7c8ec7") if name in result.stdout]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("name", "masked"),
    [("ada@mail.example.org", "a…@m….org"), ("auth0|5f7c8ec7", "auth0|5f7…"), ("+4712345678", "+47…78"), ("ada", "…")],
)
def test_a_masked_name_is_known_to_its_owner(name: str, masked: str) -> None:
    assert mask(name) == masked


@pytest.mark.usefixtures("home")
def test_rules_are_shown_one_by_one() -> None:
    phone = "request.user_agent=Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148"
    result = explain("--user-id", "u|1", "--set", phone, definitions="segment.json")
    assert "device_type equals mobile: 'mobile', holds" in result.stdout
    assert "= var_treatment: segment, segment seg_phones" in result.stdout


def test_a_file_is_explained_event_by_event_or_one_line_of_it(home: Path) -> None:
    lines = [json.dumps({**LOGIN, "id": id_}) for id_ in ("evt_1", "evt_2")]
    (home / "log.ndjson").write_text("\n".join(lines))
    every, second = (
        explain("--event", "log.ndjson", "--json"),
        explain("--event", "log.ndjson", "--line", "2", "--json"),
    )
    assert [each["event_id"] for each in json.loads(every.stdout)["explanations"]] == ["evt_1", "evt_2"]
    assert [each["event_id"] for each in json.loads(second.stdout)["explanations"]] == ["evt_2"]


@pytest.mark.usefixtures("home")
def test_a_pretty_printed_event_on_stdin_is_read() -> None:
    result = explain("--event", "-", "--json", input=json.dumps(LOGIN, indent=2))
    [found] = json.loads(result.stdout)["explanations"]
    assert (found["result"]["variation_id"], found["split"]["shares"][1]["hit"]) == ("var_treatment", True)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "expected either --event FILE, or whom to explain"),
        (["--event", "missing.json"], "No such file or directory"),
        (["--email", "a@b.no", "--event", "x.json"], "expected either --event FILE, or whom to explain"),
        (["--email", "a@b.no", "--set", "country"], "expected PATH=VALUE"),
        (["--email", "a@b.no", "--set", "request=1"], "these flags make no event: "),
        (["--email", "a@b.no", "--store", "redis"], "subjects.pepper is not set"),
    ],
)
def test_wrong_usage_is_one_message(arguments: list[str], said: str) -> None:
    result = explain(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("error: ") == 1


def test_a_file_with_bad_input_says_why(home: Path) -> None:
    (home / "bad.json").write_text('{"trigger": "login", "event": {}}')
    result = explain("--event", "bad.json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "bad.json, line 1: unknown_trigger" in result.stderr


@pytest.mark.usefixtures("home")
def test_a_store_that_is_away_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_SUBJECTS__PEPPER", "pepper")
    monkeypatch.setenv("WORKER_REDIS__URL", f"redis://127.0.0.1:{free_port()}/0")
    result = explain("--email", "a@b.no", "--store", "redis")
    assert result.exit_code == 2
    assert result.stderr.count("error: ") == 1
