"""The committed schemas are the code's, and what the worker writes is what they say."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from schemas.catalog import RECORDS
from tests.schemas.outputs import FILES, ROOT, Records, records
from worker.app.contracts import contracts
from worker.cli.main import app
from worker.settings import Settings

COMMITTED = ROOT / "schemas" / "json"


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((COMMITTED / f"{name}.schema.json").read_text())
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Records:
    return records(tmp_path_factory.mktemp("written"), events=3000)


def test_the_committed_contracts_are_the_codes() -> None:
    committed = {file.name: file.read_bytes() for file in COMMITTED.iterdir()}
    assert committed == contracts(Settings()), "mend with: experiment-worker schemas export schemas/json"


@pytest.mark.parametrize("name", RECORDS)
def test_a_schema_is_one_of_draft_2020_12(name: str) -> None:
    found = schema(name)
    Draft202012Validator.check_schema(found)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found["$id"] == f"urn:experiment-worker:schema:{name}:1"


@pytest.mark.parametrize("name", FILES)
def test_what_the_worker_writes_is_valid(name: str, written: Records) -> None:
    validator = Draft202012Validator(schema(name))
    assert written[name]
    for record in written[name]:
        validator.validate(record)


@pytest.mark.parametrize("name", sorted({*FILES} - {"enriched"}))
def test_a_record_without_one_of_its_members_is_not_valid(name: str, written: Records) -> None:
    found, record = schema(name), written[name][0]
    validator = Draft202012Validator(found)
    assert found["required"]
    for member in found["required"]:
        assert not validator.is_valid({key: value for key, value in record.items() if key != member}), member


def without_context(record: Any) -> Any:
    """Return the record without the experiment that the worker put in."""
    if not isinstance(record, dict):
        return record
    return {name: without_context(value) for name, value in record.items() if name != "experiment"}


def test_an_event_that_was_not_enriched_is_not_valid(written: Records) -> None:
    validator = Draft202012Validator(schema("enriched"))
    assert not [record for record in written["enriched"] if validator.is_valid(without_context(record))]


@pytest.mark.parametrize(
    ("name", "member", "wrong"),
    [
        ("exposure", "reason", "no_experiment"),
        ("exposure", "trigger", "login"),
        ("assignment", "version", -1),
        ("commands", "commands", []),
        ("dead_letter", "reason", "unknown"),
    ],
)
def test_a_word_of_no_closed_list_is_not_valid(name: str, member: str, wrong: Any, written: Records) -> None:
    assert not Draft202012Validator(schema(name)).is_valid({**written[name][0], member: wrong})


def test_members_that_are_not_declared_are_welcome(written: Records) -> None:
    assert Draft202012Validator(schema("exposure")).is_valid({**written["exposure"][0], "new": 1})


def test_the_examples_definitions_are_valid() -> None:
    from worker.experiments.yaml_core import load_yaml  # noqa: PLC0415 - only here

    validator = Draft202012Validator(schema("definitions"))
    for file in (ROOT / "examples" / "definitions").iterdir():
        validator.validate(load_yaml(file.read_text()))


def parsed(document: str, folder: Path) -> tuple[int, list[str]]:
    file = folder / "asyncapi.json"
    file.write_text(document)
    done = subprocess.run(
        ["node", "tests/node/parse.cjs", file],  # noqa: S607 - from the PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, [line for line in done.stdout.splitlines() if line.startswith(("error", "warning"))]


def test_the_official_parser_accepts_the_asyncapi_document(tmp_path: Path) -> None:
    assert parsed((COMMITTED / "asyncapi.json").read_text(), tmp_path) == (0, [])


def without_a_channel(document: dict[str, Any]) -> None:
    del document["channels"]["exposures"]


def with_an_unknown_action(document: dict[str, Any]) -> None:
    document["operations"]["send_exposures"]["action"] = "shout"


@pytest.mark.parametrize("spoil", [without_a_channel, with_an_unknown_action])
def test_the_parser_refuses_a_document_that_is_wrong(spoil: Callable[[dict[str, Any]], None], tmp_path: Path) -> None:
    document = json.loads((COMMITTED / "asyncapi.json").read_text())
    spoil(document)
    code, findings = parsed(json.dumps(document), tmp_path)
    assert code == 1
    assert findings


def test_the_document_names_the_topics_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "worker.toml").write_text('[topics]\nexposures = "mine.exposures"\ncommands = ""\n')
    arguments = ["schemas", "export", str(tmp_path / "out"), "--config", str(tmp_path / "worker.toml"), "--json"]
    result = CliRunner().invoke(app, arguments)
    channels = json.loads((tmp_path / "out" / "asyncapi.json").read_text())["channels"]
    assert (channels["exposures"]["address"], "commands" in channels) == ("mine.exposures", False)
    assert {Path(file).name for file in json.loads(result.stdout)["files"]} == {
        file.name for file in COMMITTED.iterdir()
    }


def test_a_folder_that_can_not_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(app, ["schemas", "export", str(tmp_path / "file")])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
