"""The examples do what they say, command by command, and README's handler runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from tests.definitions_documents import percentage_set
from tests.pipelines import pipeline, records, values
from worker import Handlers
from worker.cli.main import app

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
PASSKEYS, ONBOARDING = "exp_passkeys_ramp", "exp_onboarding_by_segment"
DEMANDS_MFA = {"var_passkeys_mfa", "var_onboarding_enterprise"}
ENROLS = {"var_passkeys_treatment", "var_passkeys_mfa", "var_onboarding_mobile"}
CONTROLS = {"var_passkeys_control", "var_onboarding_classic"}
VARIANTS = {
    "var_passkeys_control": "classic",
    "var_passkeys_treatment": "passkeys",
    "var_passkeys_mfa": "passkeys-mfa",
    "var_onboarding_classic": "classic",
    "var_onboarding_mobile": "mobile",
    "var_onboarding_enterprise": "guided",
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    arguments = [str(EXAMPLES / "log.ndjson"), "--config", str(EXAMPLES / "worker.toml"), "--out", str(folder)]
    result = CliRunner().invoke(app, ["replay", *arguments])
    assert result.exit_code == 0, result.output
    return folder


def lines(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def exposures(out: Path) -> Iterator[dict[str, Any]]:
    """What every event was given, as the exposures tell it: one for each context that was attached."""
    yield from lines(out / "exposures.ndjson")


def expected_commands(exposure: dict[str, Any]) -> list[dict[str, Any]]:
    given = {"experiment_id": exposure["experiment_id"], "variation_id": exposure["variation_id"]}
    match exposure["trigger"]:
        case "post_login":
            claim = ["https://example.com/experiment", given]
            commands = [{"handler": "experiment_claim", "method": "idToken.setCustomClaim", "args": claim}]
            if exposure["variation_id"] in DEMANDS_MFA:
                options = ["any", {"allowRememberBrowser": False}]
                commands.insert(0, {"handler": "conditional_mfa", "method": "multifactor.enable", "args": options})
            return commands
        case "pre_user_registration":
            metadata = [
                ["onboarding_variant", VARIANTS[exposure["variation_id"]]],
                ["onboarding_experiment_id", exposure["experiment_id"]],
            ]
            return [
                {"handler": "onboarding_metadata", "method": "user.setUserMetadata", "args": args} for args in metadata
            ]
        case _:
            return []


def test_every_command_is_what_its_handler_says(out: Path) -> None:
    expected = {exposure["event_id"]: expected_commands(exposure) for exposure in exposures(out)}
    found = {record["event_id"]: record["commands"] for record in lines(out / "commands.ndjson")}
    assert found == {event_id: commands for event_id, commands in expected.items() if commands}


def test_every_enrollment_is_what_its_handler_says(out: Path) -> None:
    expected = []
    for exposure in exposures(out):
        given = {name: exposure[name] for name in ("user_id", "experiment_id", "variation_id")}
        if exposure["trigger"] == "post_login" and exposure["variation_id"] not in CONTROLS:
            expected.append(("analytics", exposure["event_id"], given))
        if exposure["trigger"] == "post_user_registration" and exposure["variation_id"] in ENROLS:
            expected.append(("welcome-program", exposure["event_id"], given))
    found = [
        (record["endpoint"], record["event_id"], {name: record["payload"][name] for name in given})
        for record in lines(out / "enrollments.ndjson")
    ]
    assert found == expected


def test_the_welcome_programme_is_told_the_documented_fields(out: Path) -> None:
    welcomed = [record for record in lines(out / "enrollments.ndjson") if record["endpoint"] == "welcome-program"]
    assert welcomed
    for record in welcomed:
        assert list(record["payload"]) == ["user_id", "email", "experiment_id", "variation_id"]
        assert record["payload"]["user_id"] == record["user_id"]


def test_control_users_are_never_enrolled_nor_tracked(out: Path) -> None:
    assert {record["variation_id"] for record in lines(out / "enrollments.ndjson")} & CONTROLS == set()
    assert {exposure["variation_id"] for exposure in exposures(out)} >= CONTROLS


def test_every_handler_acts_on_the_committed_log(out: Path) -> None:
    handlers = json.loads((out / "summary.json").read_text())["handlers"]
    assert [handler["name"] for handler in handlers] == [
        "conditional_mfa", "experiment_claim", "track_treatment", "onboarding_metadata", "welcome_program",
    ]  # fmt: skip
    assert all(handler["commands"] + handler["enrollments"] > 0 for handler in handlers)
    assert not any(handler["errors"] + handler["timeouts"] for handler in handlers)


def test_the_committed_log_shows_both_experiments_and_every_variation(out: Path) -> None:
    summary = json.loads((out / "summary.json").read_text())
    shown = {experiment["experiment_id"]: experiment["variations"] for experiment in summary["experiments"]}
    assert set(shown) == {PASSKEYS, ONBOARDING}
    assert all(variation["subjects"] for variations in shown.values() for variation in variations)


def readme_scope() -> dict[str, Any]:
    """Return the names that README's Python defines, one part after the other."""
    scope: dict[str, Any] = {}
    for source in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL):
        exec(compile(source, "README.md", "exec"), scope)  # noqa: S102 - our own README
    return scope


def test_the_reports_of_the_readme_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(EXAMPLES)
    monkeypatch.chdir(tmp_path)
    section = (ROOT / "README.md").read_text().split("## A report\n")[1].split("\n## ")[0].replace("\\\n", "")
    commands = re.findall(r"^    experiment-worker (replay .*)$", section, re.MULTILINE)
    for command in commands:
        result = CliRunner().invoke(app, command.split())
        assert result.exit_code == 0, result.output
    assert len(commands) == 2
    assert "exp_passkeys_ramp" in (tmp_path / "report.html").read_text()
    assert "exp_mfa_by_segment" in (tmp_path / "what-if.html").read_text()


def test_the_explanation_in_the_readme_is_what_the_command_says() -> None:
    command = ["explain", "--email", "ada@example.com", "--config", str(EXAMPLES / "worker.toml")]
    said = CliRunner().invoke(app, command).stdout.splitlines()
    shown = (ROOT / "README.md").read_text().split("$ experiment-worker explain")[1].split("\n\n")[0].splitlines()[1:]
    assert said[: len(shown)] == [line.removeprefix("    ") for line in shown]
    assert len(shown) > 10


def test_the_test_of_the_readme_passes_and_can_fail() -> None:
    scope = readme_scope()
    scope["test_the_treatment_demands_a_second_factor"]()
    scope["handlers"] = Handlers()
    with pytest.raises(AssertionError):
        scope["test_the_treatment_demands_a_second_factor"]()


async def test_the_handler_of_the_readme_runs() -> None:
    handlers = readme_scope()["handlers"]
    assert isinstance(handlers, Handlers)
    definitions = percentage_set()
    parameters = {
        "require_mfa": {"type": "boolean", "value": True},
        "enroll_welcome_program": {"type": "boolean", "value": True},
    }
    definitions["feature_flags"][0].update(
        parameters=parameters,
        variations=[
            {"id": "var_treatment", "name": "t", "overrides": {}},
            {"id": "var_control", "name": "c", "overrides": {}},
        ],
    )
    event = {"user": {"user_id": "auth0|1", "email": "p@example.com"}}
    batch = records(
        {"id": "1", "trigger": "post_login", "event": event},
        {"id": "2", "trigger": "post_user_registration", "event": event},
    )
    result = await pipeline(definitions=[definitions], handlers=handlers).process(batch)
    assert [record["commands"][0]["method"] for record in values(result, "commands")] == ["multifactor.enable"]
    assert [record["payload"] for record in values(result, "enrollments")] == [
        {"user_id": "auth0|1", "email": "p@example.com"}
    ]
