from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from tests.definitions_documents import percentage_set
from worker.cli.main import app
from worker.streams.output_folder import OUTPUT_FILES

HANDLERS = """
from worker import Handlers

handlers = Handlers()


@handlers.post_login{options}
def act(event, api):
    {body}
"""


def login(number: int, **fields: Any) -> dict[str, Any]:
    event = {"user": {"user_id": f"auth0|{number}"}}
    time = f"2026-01-{number % 28 + 1:02d}T10:00:00Z"
    return {"id": f"evt_{number}", "trigger": "post_login", "time": time, "event": event, **fields}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with definitions, a handler, settings and a log of ten logins and a malformed line."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "definitions.json").write_bytes(orjson.dumps(percentage_set()))
    (tmp_path / "handlers.py").write_text(HANDLERS.format(options="", body='api.enroll("a", {})'))
    (tmp_path / "worker.toml").write_text('handlers = ["handlers.py"]\n[definitions]\npath = "definitions.json"\n')
    lines = [orjson.dumps(login(number)) for number in range(10)]
    (tmp_path / "log.ndjson").write_bytes(b"\n".join([*lines, b"nonsense"]) + b"\n")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["replay", *arguments])


def outputs(folder: Path) -> dict[str, bytes]:
    """All output files, without what tells of the time of the run."""
    raw = {name: (folder / name).read_bytes() for name in (*OUTPUT_FILES, "summary.json")}
    return {name: re.sub(rb'"(time|seconds)": ?("[^"]*"|[\d.]+)', b"", text) for name, text in raw.items()}


def test_a_replay_writes_every_file_and_a_summary(home: Path) -> None:
    result = run("log.ndjson")
    assert result.exit_code == 0
    assert sorted(path.name for path in (home / "out").iterdir()) == sorted([*OUTPUT_FILES, "summary.json"])
    summary = json.loads((home / "out/summary.json").read_text())
    assert (summary["events"], summary["enriched"], summary["enrollments"]) == (11, 10, 10)
    assert summary["dead_letters"] == {"not_json": 1}
    (experiment,) = summary["experiments"]
    assert [(v["variation_id"], v["subjects"], v["expected_share"]) for v in experiment["variations"]] == [
        ("var_control", 0, 0.0),
        ("var_treatment", 10, 1.0),
    ]


def test_json_prints_the_summary_and_nothing_else(home: Path) -> None:
    result = run("log.ndjson", "--json")
    assert json.loads(result.stdout) == json.loads((home / "out/summary.json").read_text())


def test_the_table_names_experiments_handlers_and_dead_letters(home: Path) -> None:
    result = run("log.ndjson")
    for word in ("exp_a", "var_treatment", "100.0%", "act post_login", "not_json", "11 events"):
        assert word in result.stdout
    assert home.exists()


def test_numbers_stay_whole_on_a_narrow_terminal(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    definitions = orjson.dumps(percentage_set(id="exp_" + "long" * 20))
    (home / "definitions.json").write_bytes(definitions)
    output = run("log.ndjson").stdout
    assert "exposures" in output
    assert "100.0%" in output
    assert "…" not in output
    assert max(map(len, output.splitlines())) <= 80


def test_what_handlers_print_does_not_mix_with_the_result(home: Path) -> None:
    (home / "handlers.py").write_text(HANDLERS.format(options="", body='print("hello")'))
    result = run("log.ndjson", "--json")
    assert json.loads(result.stdout)["enriched"] == 10
    assert "hello" in result.stderr


def test_two_replays_of_one_log_write_the_same_bytes(home: Path) -> None:
    run("log.ndjson", "--out", "one")
    run("log.ndjson", "--out", "two")
    assert outputs(home / "one") == outputs(home / "two")


def test_a_dry_run_writes_nothing(home: Path) -> None:
    result = run("log.ndjson", "--dry-run", "--json")
    assert json.loads(result.stdout)["events"] == 11
    assert not (home / "out").exists()


def test_strict_exits_1_with_dead_letters_and_says_so(home: Path) -> None:
    result = run("log.ndjson", "--strict")
    assert result.exit_code == 1
    assert "1 dead letters (--strict)" in result.stderr
    assert (home / "out/summary.json").exists()


def test_a_limit_stops_after_so_many_inputs(home: Path) -> None:
    assert json.loads(run("log.ndjson", "--limit", "4", "--json").stdout)["events"] == 4
    assert home.exists()


@pytest.mark.parametrize(
    ("arguments", "enriched"),
    [
        (["--since", "2026-01-08T10:00:00Z"], 3),
        (["--until", "2026-01-08T10:00:00Z"], 7),
        (["--since", "2026-01-03T11:00:00+01:00", "--until", "2026-01-05T10:00:00.5Z"], 3),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_window_is_of_event_time_and_what_is_outside_is_counted(arguments: list[str], enriched: int) -> None:
    summary = json.loads(run("log.ndjson", *arguments, "--json").stdout)
    assert summary["enriched"] == enriched
    assert summary["skipped"] == {"outside_window": 10 - enriched}
    assert summary["events"] == 11


@pytest.mark.usefixtures("home")
def test_standard_input_is_a_source() -> None:
    result = CliRunner().invoke(app, ["replay", "-", "--json"], input=orjson.dumps(login(1)) + b"\n")
    assert json.loads(result.stdout)["enriched"] == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["missing.ndjson"], "missing.ndjson"),
        (["worker.toml"], "worker.toml"),
        (["log.ndjson", "--definitions", "missing.yaml"], "missing.yaml"),
        (["log.ndjson", "--handlers", "missing.py"], "missing.py"),
        (["log.ndjson", "--config", "missing.toml"], "missing.toml"),
        (["log.ndjson", "--since", "yesterday"], "--since"),
        (["log.ndjson", "--out", "log.ndjson"], "log.ndjson"),
        (["log.ndjson", "--out", "."], "--out"),
        (["log.ndjson", "log.ndjson"], "given twice"),
        (["log.ndjson", "--since", "2026-01-02T00:00:00Z", "--until", "2026-01-01T00:00:00Z"], "--until"),
    ],
)
def test_wrong_usage_is_one_message_that_names_the_thing_and_exit_2(
    home: Path, arguments: list[str], named: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert named in result.stderr
    assert "Traceback" not in result.output
    assert not (home / "out").exists()


def test_a_handler_module_that_cannot_be_loaded_is_named_with_its_line(home: Path) -> None:
    (home / "handlers.py").write_text("from worker import Handlers\nimport does_not_exist\n")
    result = run("log.ndjson")
    assert result.exit_code == 2
    assert "handlers.py:2" in result.stderr
    assert "Traceback" not in result.output


def test_wrong_definitions_print_all_findings_and_start_nothing(home: Path) -> None:
    document = percentage_set()
    document["experiments"][0]["allocations"][0]["weight"] = 7
    document["experiments"][0]["allocations"][0]["is_control"] = False
    (home / "definitions.json").write_bytes(orjson.dumps(document))
    result = run("log.ndjson")
    assert result.exit_code == 1
    assert "experiment_invalid_allocation_weights" in result.stderr
    assert "experiment_missing_control" in result.stderr
    assert not (home / "out").exists()


def test_a_handler_that_says_stop_ends_the_run_and_nothing_is_written(home: Path) -> None:
    run("log.ndjson")
    before = outputs(home / "out")
    (home / "handlers.py").write_text(HANDLERS.format(options='(on_error="stop")', body="raise RuntimeError"))
    result = run("log.ndjson")
    assert result.exit_code == 1
    assert "act" in result.stderr
    assert "RuntimeError" in result.stderr
    assert outputs(home / "out") == before


def test_a_broken_log_is_named_and_nothing_is_written(home: Path) -> None:
    (home / "broken.ndjson.gz").write_bytes(b"\x1f\x8b\x08 no gzip")
    result = run("broken.ndjson.gz")
    assert result.exit_code == 1
    assert "broken.ndjson.gz" in result.stderr
    assert list((home / "out").iterdir()) == []


def test_what_happened_is_logged_to_stderr_by_place_and_reason(home: Path) -> None:
    events = [json.loads(line) for line in run("log.ndjson", "--log-level", "info").stderr.splitlines()]
    assert [event["event"] for event in events] == ["replay_started", "dead_letter", "replay_finished"]
    assert (events[1]["source"], events[1]["reason"]) == ("log.ndjson/11", "not_json")
    assert home.exists()


def test_a_handler_for_an_experiment_that_nobody_has_is_warned_of(home: Path) -> None:
    (home / "handlers.py").write_text(HANDLERS.format(options='(experiment="exp_none")', body="pass"))
    warning = json.loads(run("log.ndjson").stderr)
    assert (warning["event"], warning["handler"], warning["experiment"]) == (
        "handler_without_experiment", "act", "exp_none",
    )  # fmt: skip


def test_warnings_of_the_definitions_are_logged_and_do_not_stop_the_run(home: Path) -> None:
    (home / "definitions.json").write_bytes(orjson.dumps(percentage_set(updated_at=None)))
    result = run("log.ndjson")
    assert result.exit_code == 0
    assert json.loads(result.stderr)["code"] == "missing_updated_at"


@pytest.fixture
def running(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A replay in a process of its own that has read a part of its input and waits for more."""
    run("log.ndjson")
    command = [str(Path(sys.executable).with_name("experiment-worker")), "replay", "-"]
    with subprocess.Popen(
        command, cwd=home, stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        feed(process.stdin)
        yield process
        process.kill()


def feed(stdin: IO[bytes]) -> None:
    """Write more than a pipe and its reader's buffer hold: when it returns, the reader is at work."""
    padding = "x" * 2000
    for number in range(1000):
        stdin.write(orjson.dumps(login(number, padding=padding)) + b"\n")
    stdin.flush()


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_an_interrupted_replay_leaves_the_earlier_outputs_as_they_were(
    home: Path, running: subprocess.Popen[bytes], how: signal.Signals, code: int
) -> None:
    before = outputs(home / "out")
    running.send_signal(how)
    _, stderr = running.communicate()
    assert running.returncode == code
    assert b"Traceback" not in stderr
    assert outputs(home / "out") == before
    assert run("log.ndjson").exit_code == 0
    assert sorted(path.name for path in (home / "out").iterdir()) == sorted([*OUTPUT_FILES, "summary.json"])


def test_two_replays_into_one_folder_refuse_each_other(home: Path, running: subprocess.Popen[bytes]) -> None:
    result = run("log.ndjson")
    assert result.exit_code == 2
    assert "another replay" in result.stderr
    assert running.poll() is None
    assert home.exists()


@pytest.mark.parametrize("arguments", [["--json"], []])
def test_a_full_standard_output_is_one_message(home: Path, arguments: list[str]) -> None:
    command = [str(Path(sys.executable).with_name("experiment-worker")), "replay", "log.ndjson", *arguments]
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(command, cwd=home, stdout=full, stderr=subprocess.PIPE, check=False)
    assert result.returncode == 1
    assert result.stderr.decode() == "error: standard output can't be written: No space left on device\n"


CALLS_A_HELPER = """helper(event)


def helper(event):
    return {"k": event.user["email"]}"""


@pytest.mark.parametrize("on_error", ["dead_letter", "skip"])
def test_failed_handlers_are_shown_with_the_users_own_line_first(home: Path, on_error: str) -> None:
    (home / "handlers.py").write_text(HANDLERS.format(options=f"(on_error={on_error!r})", body=CALLS_A_HELPER))
    shown = run("log.ndjson").stdout.partition("handlers that failed\n")[2]
    assert (
        shown
        == """handlers.py:13 in helper
    > return {"k": event.user["email"]}
    10 times: handler act failed: KeyError at handlers.py:13
    called from handlers.py:9 in act
        > helper(event)
"""
    )


def test_a_replay_that_a_handler_stops_shows_its_line_first(home: Path) -> None:
    (home / "handlers.py").write_text(HANDLERS.format(options="(on_error='stop')", body="1 / 0"))
    result = run("log.ndjson")
    assert result.exit_code == 1
    assert "handlers.py:9 in act\n    > 1 / 0\n    1 time: handler act failed: ZeroDivisionError" in result.stderr


def test_failures_of_handlers_are_logged_for_who_looks_for_them(home: Path) -> None:
    (home / "handlers.py").write_text(
        HANDLERS.format(options="(on_error='skip')", body='raise KeyError("a@b.example")')
    )
    result = run("log.ndjson", "--log-level", "debug")
    lines = [json.loads(line) for line in result.stderr.splitlines() if "handler_failed" in line]
    assert {(line["handler"], line["on_error"], *line["trace"]) for line in lines} == {
        ("act", "skip", f"{home}/handlers.py:9 in act")
    }
    assert "b.example" not in result.stderr


def test_handlers_that_cannot_be_loaded_are_refused_with_the_users_line_first(home: Path) -> None:
    (home / "handlers.py").write_text("import json\nfrom json import no_such_name\n")
    result = run("log.ndjson")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: handlers.py:2: ImportError: cannot import name 'no_such_name'")
    assert result.stderr.endswith("\n    from json import no_such_name\n")
