from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[2]
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one module: while it is open, an event loop runs, and no async test can."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of simulated traffic with malformed records, with a draft compared: every section has something."""
    folder = tmp_path_factory.mktemp("report")
    log, page = folder / "log.ndjson", folder / "report.html"
    _do("simulate", "--events", "4000", "--people", "500", "--malformed", "0.01", "--out", str(log))
    settings = ["--definitions", str(ROOT / "examples/definitions"), "--handlers", str(ROOT / "examples/handlers.py")]
    draft = ["--activate", "exp_mfa_by_segment"]
    _do("replay", str(log), *settings, *draft, "--dry-run", "--report", str(page))
    return page


def _do(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "worker", *arguments], cwd=ROOT, check=True, capture_output=True)
