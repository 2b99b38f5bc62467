from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, NotEnoughReplicasError

from tests.handlers.factories import Clock
from worker.telemetry.library_logs import LibraryHandler, words_of

SECRET = "jane"  # noqa: S105 - what a payload could hold


class Lines:
    """A handler and what came through it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.found: list[tuple[int, Mapping[str, Any]]] = []
        self.handler = LibraryHandler(lambda *line: self.found.append(line), clock=self.clock)

    def log(
        self,
        message: object,
        *args: object,
        logger: str = "aiokafka.conn",
        level: int = logging.WARNING,
        line: int = 1,
        error: BaseException | None = None,
    ) -> None:
        info = (type(error), error, error.__traceback__) if error else None
        record = logging.LogRecord(logger, level, "/lib/conn.py", line, message, args, info)
        if record.levelno >= self.handler.level:
            self.handler.handle(record)

    @property
    def messages(self) -> list[str]:
        return [fields["message"] for _, fields in self.found]


def shown(message: str, *args: object, logger: str = "aiokafka.conn") -> str:
    lines = Lines()
    lines.log(message, *args, logger=logger)
    return lines.messages[0]


def test_a_line_says_who_logged_where_at_what_level() -> None:
    lines = Lines()
    lines.log("Unable connect to node with id %s", 1, level=logging.ERROR, line=435)
    fields = {"logger": "aiokafka.conn", "message": "Unable connect to node with id 1", "at": "conn.py:435"}
    assert lines.found == [(logging.ERROR, fields)]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((TopicPartition("in", 3),), "found in/3"),
        ((KafkaConnectionError("to jane"),), "found KafkaConnectionError"),
        ((KafkaConnectionError,), "found KafkaConnectionError"),
        (("broker-1.local:9092",), "found broker-1.local:9092"),
        ((7,), "found 7"),
        (({"user": SECRET},), "found <hidden>"),
        (([SECRET],), "found <hidden>"),
        ((b"jane",), "found <hidden>"),
        (("jane@acme.no",), "found <hidden>"),
        (("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",), "found <hidden>"),
        (("jane doe",), "found <hidden>"),
    ],
)
@pytest.mark.parametrize("sign", ["%s", "%r"])
def test_only_arguments_that_are_no_payload_are_shown(sign: str, args: tuple[object, ...], message: str) -> None:
    assert shown(f"found {sign}", args[0] if not isinstance(args[0], dict) else [args[0]]) == message


def test_names_are_shown_of_the_kafka_client_only() -> None:
    assert shown("user %s", SECRET, logger="redis.client") == "user <hidden>"


def test_arguments_by_name_are_looked_at_too() -> None:
    lines = Lines()
    lines.handler.handle(
        logging.LogRecord(
            "redis", logging.WARNING, "/x.py", 1, "%(who)s at %(port)d", ({"who": SECRET, "port": 1},), None
        )
    )
    assert lines.messages == ["<hidden> at 1"]


@pytest.mark.parametrize("message", ["user jane@acme.no failed", "{'user': 'jane'}", "<Task jane>"])
def test_a_message_put_together_shows_no_values(message: str) -> None:
    assert SECRET not in shown(message)


def test_a_message_put_together_shows_the_words_it_begins_with() -> None:
    assert words_of("Task exception was never retrieved\nfuture: <Task jane>") == "Task exception was never retrieved"
    assert words_of("Database redis://jane is unreachable") == "Database redis"
    assert words_of("") == ""


def test_arguments_that_do_not_fit_are_left_out() -> None:
    assert shown("%d records", [SECRET]) == ""
    assert shown("lost %d records", SECRET) == "lost"


def test_of_an_error_the_class_and_the_place_are_shown_but_never_its_text() -> None:
    lines = Lines()
    try:
        int(SECRET)
    except ValueError as error:
        lines.log("Unexpected error in sender routine", error=error)
    ((_, fields),) = lines.found
    assert fields["error"] == "ValueError"
    assert fields["raised_at"].startswith("test_library_logs.py:")
    assert SECRET not in str(fields)


def test_the_same_source_is_quiet_for_a_while_and_then_says_how_much_was_left_out() -> None:
    lines = Lines()
    for port in range(100):
        lines.log("can't connect to port %s", port)
        lines.clock.now += 0.09
    lines.clock.now += 1.0
    lines.log("can't connect to port %s", 100)
    assert lines.messages == ["can't connect to port 0", "can't connect to port 100"]
    assert [fields.get("left_out") for _, fields in lines.found] == [None, 99]


def test_another_source_is_heard_meanwhile() -> None:
    lines = Lines()
    lines.log("a", line=1)
    lines.log("a", line=2)
    lines.log("a", logger="redis", line=1)
    assert len(lines.found) == 3


def test_below_a_warning_nothing_is_heard() -> None:
    lines = Lines()
    lines.log("joined", level=logging.INFO)
    assert lines.found == []


@pytest.mark.parametrize("error", [NotEnoughReplicasError, NotEnoughReplicasError()])
def test_what_the_kafka_client_retries_as_a_matter_of_course_is_for_debugging(error: object) -> None:
    lines = Lines()
    lines.log("Got error produce response on topic-partition %s, retrying. Error: %s", TopicPartition("out", 0), error)
    assert [level for level, _ in lines.found] == [logging.DEBUG]
