from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from worker.cli.main import app

HEAVY = {"aiohttp", "aiokafka", "orjson", "msgspec", "pydantic", "pydantic_settings", "redis", "rich", "structlog"}
ENTRY = "from worker.cli.main import main; main()"


def test_without_arguments_it_teaches_three_commands_that_exist() -> None:
    result = CliRunner().invoke(app, [])
    taught = re.findall(r"^  experiment-worker (\w+)", result.stdout, re.MULTILINE)
    assert (result.exit_code, taught) == (0, ["simulate", "new", "replay"])
    assert len(result.stdout.splitlines()) < 24
    assert all(len(line) <= 80 for line in result.stdout.splitlines())


def test_the_version_is_the_packages() -> None:
    done = subprocess.run([sys.executable, "-m", "worker", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"experiment-worker {version('experiment-worker')} (Python 3.")


def test_an_unknown_command_is_refused_by_name() -> None:
    result = CliRunner().invoke(app, ["relay"])
    assert result.exit_code == 2
    assert "relay" in result.stderr


def test_nothing_heavy_is_loaded_before_a_command_runs() -> None:
    program = "import sys, worker.cli.main; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "expected"), [("experiment-worker re", "replay"), ("experiment-worker replay --out", "--out")]
)
def test_bash_completes_commands_and_options(words: str, expected: str) -> None:
    completing = {
        "_EXPERIMENT_WORKER_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    program = f"import sys; sys.argv = ['experiment-worker']; {ENTRY}"
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **completing}, capture_output=True, text=True, check=False
    )
    assert expected in done.stdout.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_completion_script(shell: str) -> None:
    completing = {"_EXPERIMENT_WORKER_COMPLETE": f"source_{shell}"}
    program = f"import sys; sys.argv = ['experiment-worker']; {ENTRY}"
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **completing}, capture_output=True, text=True, check=True
    )
    assert "experiment-worker" in done.stdout
