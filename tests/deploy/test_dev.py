from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
MARK = "EXPERIMENT_WORKER_TEST"
FIGURES = re.compile(r"in [\d,]+/s +out [\d,]+/s +lag [\d,]+ +p50 \S.* +events ([\d,]+) +dead [\d,]+ +workers 1$")


def processes(folder: Path) -> dict[int, str]:
    """The processes that were started for this folder, by their ids, with their commands."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={folder}\0".encode() in (process / "environ").read_bytes():
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:  # it has ended meanwhile, or is somebody else's
            continue
    return found


@contextmanager
def environment(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "deploy.dev", "--folder", str(folder), "--rate", "100", *arguments]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, MARK: str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


def read_until(process: subprocess.Popen[str], found: Callable[[str], bool]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found(line):
            return line
    raise AssertionError("it ended before")


def settled(line: str) -> bool:
    figures = FIGURES.search(line)
    return figures is not None and figures[1] != "0"


def test_it_shows_figures_of_events_and_stops_by_itself(tmp_path: Path) -> None:
    with environment(tmp_path, "--seconds", "12") as process:
        said, wrong = process.communicate(timeout=120)

    assert (process.returncode, wrong) == (0, "")
    assert any(settled(line) for line in said.splitlines())
    assert said.endswith("stopping\nstopped\n")
    assert processes(tmp_path) == {}


def test_a_signal_stops_everything_in_order(tmp_path: Path) -> None:
    with environment(tmp_path) as process:
        read_until(process, settled)
        process.send_signal(signal.SIGINT)
        said, wrong = process.communicate(timeout=60)

    assert (process.returncode, wrong, said) == (0, "", "stopping\nstopped\n")
    assert processes(tmp_path) == {}
    assert "interrupted; " in (tmp_path / "simulate.log").read_text()
    assert "worker_stopped" in (tmp_path / "worker-1.log").read_text().splitlines()[-1]


def test_a_signal_during_the_start_leaves_nothing_running(tmp_path: Path) -> None:
    with environment(tmp_path) as process:
        read_until(process, lambda line: line.startswith("starting kafka"))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)

    assert process.returncode == 0
    assert processes(tmp_path) == {}


def test_a_worker_that_ends_is_shown_with_its_log_and_ends_it_all(tmp_path: Path) -> None:
    with environment(tmp_path) as process:
        read_until(process, settled)
        [worker] = [number for number, command in processes(tmp_path).items() if " run " in command]
        os.kill(worker, signal.SIGKILL)
        _, wrong = process.communicate(timeout=60)

    assert process.returncode == 1
    assert wrong.startswith(f"error: worker-1 has ended; its log, {tmp_path}/worker-1.log, ends with:\n")
    assert '"event":"worker_started"' in wrong
    assert processes(tmp_path) == {}


def test_a_folder_of_something_else_is_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with environment(tmp_path) as process:
        _, wrong = process.communicate(timeout=60)

    assert process.returncode == 1
    assert wrong == f"error: {tmp_path} holds something else, expected a new or empty folder\n"
    assert (tmp_path / "thesis.txt").exists()
