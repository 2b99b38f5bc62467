from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.experiments.user_agent import parse_user_agent

with Path(__file__).with_name("user_agents.tsv").open(encoding="utf-8") as table:
    REAL_ONES = list(csv.DictReader(table, delimiter="\t"))


@pytest.mark.parametrize("row", REAL_ONES, ids=lambda row: row["user_agent"][:60])
def test_a_user_agent_tells_device_browser_and_platform(row: dict[str, str]) -> None:
    device = parse_user_agent(row["user_agent"])
    told = [device.device_type, device.browser or "-", device.platform or "-"]
    assert told == [row["device_type"], row["browser"], row["platform"]]


def test_an_ipad_that_asks_for_desktop_sites_is_a_desktop() -> None:
    mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4"
    assert parse_user_agent(f"{mac} Safari/605.1.15").device_type == "desktop"


@pytest.mark.parametrize("text", ["", " ", "something else"])
def test_a_text_that_tells_nothing_is_another_device(text: str) -> None:
    device = parse_user_agent(text)
    assert (device.device_type, device.browser, device.platform) == ("other", None, None)


def test_only_the_beginning_of_a_long_text_counts() -> None:
    padding = "x" * 2048
    assert parse_user_agent(f"curl/8.11.0 {padding} Googlebot") == parse_user_agent("curl/8.11.0")
    assert parse_user_agent(f"{padding} curl/8.11.0") == parse_user_agent(padding)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_some_device(text: str) -> None:
    assert parse_user_agent(text).device_type in {"mobile", "tablet", "desktop", "bot", "other"}


def test_the_parser_is_loaded_when_it_is_needed() -> None:
    script = "import sys, worker.experiments.decide; print('ua_parser' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert run.stdout == "False\n"
