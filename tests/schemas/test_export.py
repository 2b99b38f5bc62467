"""`schemas export` writes what is committed, whole or not at all, with the topics that the settings name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import ValidationError
from typer.testing import CliRunner, Result

from schemas.catalogue import CONTRACTS
from tests.schemas.checking import COMMITTED
from tests.schemas.examples import FILE, taken
from worker.cli.main import app
from worker.streams.output_folder import OUTPUT_FILES

MEND = "mend it with: experiment-worker schemas export schemas/json"
MEND_EXAMPLES = "mend it with: python -m tests.schemas.examples && experiment-worker schemas export schemas/json"


@pytest.fixture(autouse=True)
def somewhere_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def export(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["schemas", "export", *arguments])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def asyncapi(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((folder / "asyncapi.json").read_bytes())
    return found


def test_what_is_committed_is_what_is_exported(tmp_path: Path) -> None:
    assert export("out").exit_code == 0
    exported, committed = contents(tmp_path / "out"), contents(COMMITTED)
    assert exported.keys() == committed.keys(), MEND
    assert [name for name in exported if exported[name] != committed[name]] == [], MEND


async def test_the_examples_are_what_the_examples_log_comes_to() -> None:
    assert FILE.read_bytes() == await taken(), MEND_EXAMPLES


def test_the_examples_are_lines_of_a_replay(tmp_path: Path) -> None:
    settings = FILE.parent.parent / "examples"
    arguments = ["replay", str(settings / "log.ndjson"), "--config", str(settings / "worker.toml"), "--out", "out"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    replayed = [line for name in OUTPUT_FILES for line in (tmp_path / "out" / name).read_bytes().splitlines()]
    lines = {line.replace(b" ", b"") for line in [*replayed, *(settings / "log.ndjson").read_bytes().splitlines()]}
    examples = orjson.loads(FILE.read_bytes())
    told = [each["payload"] for name, each in examples.items() if name not in WITH_SUBJECT]
    found = [each if isinstance(each, str) else orjson.dumps(each).decode() for each in told]
    assert [each for each in found if each.replace(" ", "").encode() not in lines] == []


WITH_SUBJECT = {"exposure", "assignment"}  # their hashes depend on the pepper


def test_the_readmes_check_of_exposures_runs(tmp_path: Path) -> None:
    root = FILE.parent.parent
    (source,) = re.findall(r"```py\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    (tmp_path / "schemas").symlink_to(root / "schemas")
    replayed = [str(root / "examples" / "log.ndjson"), "--config", str(root / "examples" / "worker.toml")]
    assert CliRunner().invoke(app, ["replay", *replayed, "--out", "demo/out"]).exit_code == 0
    check = compile(source, "README.md", "exec")
    exec(check, {})  # noqa: S102 - our own README
    exposures = tmp_path / "demo" / "out" / "exposures.ndjson"
    exposures.write_bytes(exposures.read_bytes().replace(b'"reason":"', b'"reason":"not_'))
    with pytest.raises(ValidationError, match="is not one of"):
        exec(check, {})  # noqa: S102 - the same


def test_every_file_is_printed(tmp_path: Path) -> None:
    printed = export("out").stdout.splitlines()
    assert printed == [f"wrote out/{contract.file}" for contract in CONTRACTS] + ["wrote out/asyncapi.json"]
    assert json.loads(export("out", "--json").stdout)["files"] == [line.removeprefix("wrote ") for line in printed]
    assert len(contents(tmp_path / "out")) == len(printed)


def test_the_topics_are_those_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "worker.toml").write_text(
        '[kafka]\ngroup_id = "mine"\n[topics]\nexposures = "my.exposures"\ncommands = ""\npartitions = 24\n'
    )
    assert export("out").exit_code == 0
    document = asyncapi(tmp_path / "out")
    assert document["channels"]["exposures"]["address"] == "my.exposures"
    assert document["channels"]["exposures"]["bindings"]["kafka"]["partitions"] == 24
    assert document["operations"]["receiveTriggers"]["bindings"]["kafka"]["groupId"]["enum"] == ["mine"]
    assert (
        "commands" not in document["channels"] | document["components"]["messages"] | document["components"]["schemas"]
    )


def test_a_wrong_setting_stops_it_with_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_TOPICS__PARTITIONS", "none")
    result = export("out")
    assert result.exit_code == 2
    assert "topics.partitions" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_file_is_no_place_to_write(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    result = export("out")
    assert (result.exit_code, result.stderr) == (2, "error: out: is a file, expected a folder\n")
    assert (tmp_path / "out").read_text() == "mine"


def test_schemas_alone_teaches() -> None:
    result = CliRunner().invoke(app, ["schemas"])
    assert "export" in result.output
    assert "experiment-worker schemas export contracts/" in result.output
