from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest
import structlog

from worker.telemetry import logs

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    handlers = logging.getLogger().handlers
    yield
    logging.getLogger().handlers = handlers
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """What was logged since the last call, line by line."""
    logs.configure("info")
    return lambda: [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_json_with_its_level_and_time(lines: Lines) -> None:
    logs.info("lane_opened", topic="in", partition=3, offset=7)
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "lane_opened", "level": "info", "topic": "in", "partition": 3, "offset": 7}


@pytest.mark.parametrize(("log", "level"), [(logs.info, "info"), (logs.warning, "warning"), (logs.error, "error")])
def test_each_level_has_its_function(lines: Lines, log: Callable[..., None], level: str) -> None:
    log("fenced")
    assert [line["level"] for line in lines()] == [level]


def test_a_line_is_written_at_once_so_that_lines_of_several_processes_do_not_mix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Written(io.StringIO):
        def write(self, text: str) -> int:
            written.append(text)
            return len(text)

    written: list[str] = []
    monkeypatch.setattr("sys.stderr", Written())
    logs.configure("info")
    logs.info("fenced")
    assert [(text[0], text[-2:]) for text in written] == [("{", "}\n")]


def test_what_is_below_the_level_is_not_logged(lines: Lines) -> None:
    logs.debug("batch_committed", partition=3)
    assert lines() == []


def test_fields_never_show_addresses_or_error_texts(lines: Lines) -> None:
    logs.error("lane_reopening", error=ValueError("jane"), message="found jane@acme.no", path=Path("a"))
    (line,) = lines()
    assert (line["error"], line["message"], line["path"]) == ("ValueError", "found <redacted>", "a")


def test_what_is_bound_to_the_process_stands_on_lines_of_threads_and_libraries_too(lines: Lines) -> None:
    logs.bind_process(process=1)
    logs.info("fenced")
    thread = Thread(target=logging.getLogger("library").warning, args=("of a thread",))
    thread.start()
    thread.join()
    assert [(line["event"], line["process"]) for line in lines()] == [("fenced", 1), ("library", 1)]


async def test_a_place_that_is_bound_stands_on_the_lines_of_its_task_only(lines: Lines) -> None:
    async def lane(partition: int) -> None:
        logs.bind(topic="in", partition=partition)
        await asyncio.sleep(0)
        logs.info("lane_opened")

    await asyncio.gather(lane(1), lane(2))
    logs.info("worker_stopped")
    assert [line.get("partition") for line in lines()] == [1, 2, None]


def test_warnings_of_libraries_come_the_same_way_without_their_values(lines: Lines) -> None:
    logging.getLogger("aiokafka.client").warning("Unable to update metadata from %s", [1, "jane"])
    logging.getLogger("aiokafka.client").info("joined")
    (line,) = lines()
    assert (line["event"], line["level"], line["logger"]) == ("library", "warning", "aiokafka.client")
    assert line["message"] == "Unable to update metadata from <hidden>"


def test_a_standard_error_that_is_closed_stops_nobody(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", closed)
        logs.info("worker_stopped")
    logs.info("worker_stopped")
    assert len(lines()) == 1


def test_configuring_again_does_not_repeat_lines(lines: Lines) -> None:
    logs.configure("info")
    logging.getLogger("redis").error("gone")
    assert len(lines()) == 1


async def test_what_fails_in_the_loop_is_logged_without_its_text(lines: Lines) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(logs.on_loop_error)
    loop.call_soon(int, "jane")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    (line,) = lines()
    assert (line["event"], line["level"], line["error"]) == ("unexpected_error", "error", "ValueError")
    assert line["message"] == "Exception in callback int"
    assert "jane" not in str(line)


async def test_what_fails_in_the_loop_without_an_error_is_logged_too(lines: Lines) -> None:
    logs.on_loop_error(asyncio.get_running_loop(), {"message": "Task was destroyed but it is pending!"})
    assert [line["message"] for line in lines()] == ["Task was destroyed but it is pending"]
