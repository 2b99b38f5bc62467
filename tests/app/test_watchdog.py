"""The watchdog ends processes that stand still, and no others."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROCESS = """
import asyncio, re, sys
from worker.app.watchdog import watchdog
from worker.telemetry import logs

async def main():
    async with watchdog({seconds}):
        {inside}
    {after}
    print("done")

logs.configure("info")
asyncio.run(main())
"""
ENDLESS = 're.fullmatch("(a+)+b", "a" * 64)'
LONG = "import time; time.sleep(2)"


def ran(inside: str, seconds: int = 1, after: str = "pass") -> subprocess.CompletedProcess[str]:
    code = PROCESS.format(seconds=seconds, inside=inside, after=after)
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("endless", [ENDLESS, "while True: pass"])
def test_a_frozen_process_ends_and_says_where_it_stood(endless: str) -> None:
    process = ran(endless)
    assert (process.returncode, process.stdout) == (1, "")
    assert "Timeout (0:00:01)!" in process.stderr
    assert 'File "<string>", line 8 in main' in process.stderr
    assert "aaaa" not in process.stderr


def test_a_process_whose_loop_runs_lives_on() -> None:
    process = ran("await asyncio.sleep(2)")
    assert (process.returncode, process.stdout) == (0, "done\n")
    assert '"watchdog_armed"' in process.stderr


def test_it_sleeps_where_it_is_turned_off() -> None:
    assert ran(LONG, seconds=0).returncode == 0


def test_it_sleeps_after_an_orderly_end() -> None:
    assert ran("pass", after=LONG).returncode == 0
