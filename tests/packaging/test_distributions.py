"""What is built installs and works without the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def do(*command: str | Path, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(folder: Path, kind: str, tree: Path = ROOT) -> Path:
    do(sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", folder, cwd=tree)
    [found] = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("wheel"), "wheel")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of commands of an environment with the wheel and our dependencies, but not the checkout."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=False, symlinks=True)
    python = place / "bin" / "python"
    do(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel, cwd=place)
    site = do(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place).strip()
    (Path(site) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return place / "bin"


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_has_the_packages_and_their_data_and_nothing_else(wheel: Path) -> None:
    found = names(wheel)
    assert {
        "worker/py.typed",
        "worker/stores/claim.lua",
        "worker/stores/trial.lua",
        "worker/starters/definitions.yaml",
    } <= found
    assert {name.partition("/")[0].partition("-")[0] for name in found} == {"worker", "schemas", "experiment_worker"}


def test_the_source_archive_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(built(tmp_path / "sdist", "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
        members = archive.getnames()
    [tree] = tmp_path.glob("experiment_worker-*")
    assert not [name for name in members if "node_modules" in name or ".kafka" in name]
    assert names(built(tmp_path / "again", "wheel", tree)) == names(wheel)


def test_the_installed_command_does_the_main_job_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    command = installed / "experiment-worker"
    assert do(command, "--version", cwd=tmp_path).startswith("experiment-worker ")
    do(command, "simulate", "--events", "500", "--out", "log.ndjson", cwd=tmp_path)
    do(command, "new", "definitions", cwd=tmp_path)
    do(command, "new", "handler", "handlers.py", cwd=tmp_path)
    arguments = ("log.ndjson", "--definitions", "definitions", "--handlers", "handlers.py", "--json")
    summary = json.loads(do(command, "replay", *arguments, cwd=tmp_path))
    assert summary["events"] == 500
    assert summary["commands"] > 0


def test_the_installed_package_is_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    place = do(installed / "python", "-c", "import worker; print(worker.__file__)", cwd=tmp_path)
    assert Path(place.strip()).is_relative_to(installed.parent)


def test_the_examples_run_with_the_installed_command(installed: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    command = (installed / "experiment-worker", "replay", "examples/log.ndjson", "--config", "examples/worker.toml")
    assert json.loads(do(*command, "--dry-run", "--json", cwd=tmp_path))["events"] > 0
