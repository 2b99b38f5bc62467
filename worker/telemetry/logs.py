"""Logs: structlog on stderr, for people on a terminal, as JSON lines elsewhere. Never an identifier or a payload.

What libraries log and what fails in the event loop goes the same way, as `library` and `unexpected_error`.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from typing import Any, Literal, TextIO, cast

import orjson
import structlog

from worker.telemetry.library_logs import LibraryHandler, error_fields, words_of
from worker.telemetry.redaction import redact

LogEvent = Literal[
    "definitions_warning",  # a finding of the definitions that does not keep them from being used
    "definitions_reloaded",  # an edit is in force: the revisions before and after
    "definitions_refused",  # an edit is not: what was found and what was expected; the last good set stays in force
    "definitions_unwatched",  # the definitions can't be watched at the moment: tried again
    "handler_without_experiment",  # a handler is for an experiment that no definitions have: it will never run
    "handler_failed",  # one call of a handler, also one that is skipped: the line and what led there
    "replay_started",
    "replay_finished",
    "dead_letter",  # one input that could not be processed: its place and the reason
    "worker_started",  # it has joined its group: revision, topics, settings that matter
    "worker_stopping",  # it was told to stop, or something stopped it: why
    "worker_stopped",  # it has left its group: what it came to
    "watchdog_armed",  # the process ends if its event loop stands still for so many seconds
    "http_started",  # where probes and scrapes are answered
    "partitions_assigned",  # partitions came to this worker
    "partitions_revoked",  # partitions went to another one
    "lane_opened",  # a partition is read from this offset on
    "deaths_noticed",  # processes died there: up to which offset records are tried alone, the deaths of the first one
    "lane_reopening",  # something failed: the error's class, the pause before it is opened anew
    "lane_stopped",  # the partition can't go on by itself: a gap in the log, a handler's stop; what to do
    "batch_committed",  # one transaction: its offsets and sizes
    "batch_unsettled",  # a commit got no answer: the offset, read anew, tells
    "fenced",  # another worker has taken the partition over
    "store_waiting",  # the store does not answer: lanes wait; the error's class
    "store_answers_again",  # how long it did not
    "store_lost",  # it lost its records, all or those from that moment on: nothing is asked of it until it is rebuilt
    "store_rebuild_begun",  # by this worker, all or a part of it
    "store_rebuild_failed",  # that can't be done now: why; it is tried again
    "store_rebuilt",  # from so many entries of the assignments topic, in so many seconds
    "store_circuit_open",  # the hash answers instead of the store
    "store_circuit_closed",  # the store is asked again
    "assignment_unreadable",  # a record of the assignments topic is none: its place
    "deliverer_started",  # the deliverer has joined its group
    "deliverer_stopping",  # it was told to stop, or something stopped it: why
    "deliverer_stopped",  # it has left its group
    "delivery_attempted",  # one attempt: the enrollment's id, the endpoint and what the receiver did
    "delivery_postponed",  # no attempt was made: why
    "delivery_given_up",  # an enrollment became a dead letter: its place and the reason
    "endpoint_unsigned",  # an endpoint has no secret: its receiver can't know who sends
    "endpoint_disabled",  # nothing is sent there any more, until somebody enables it
    "endpoint_enabled",
    "endpoint_circuit_open",  # it failed again and again, and is left alone for a while
    "endpoint_circuit_closed",
    "endpoint_states_unread",  # which endpoints are disabled can't be read now; what is known holds
    "endpoint_state_unwritten",  # that an endpoint is disabled can't be told to the others now; tried again
    "library",  # a library's warning or error, without what could be personal
    "unexpected_error",  # a fault of the worker or its libraries that nobody handled
]


class _StandardError:
    """Standard error as it is when a line is written; one that nobody reads any longer stops no work.

    What is written at once stays together, also where several processes write: a `WriteLogger` writes whole lines.
    """

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


class _Levels:
    """Whether debug lines are written, once that is configured: asking structlog costs more than most lines tell."""

    debugs = True


def configure(level: str) -> None:
    """Log that level and above to stderr, also what libraries warn of."""
    _Levels.debugs = level.upper() == "DEBUG"
    terminal = sys.stderr.isatty()
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _redact,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(serializer=_dumps),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _StandardError())),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [
        *(handler for handler in root.handlers if not isinstance(handler, LibraryHandler)),
        LibraryHandler(_library),
    ]


def bind(**fields: object) -> None:
    """Put these fields (the place: topic, partition) on every line that the current task logs from now on."""
    structlog.contextvars.bind_contextvars(**fields)


def bind_process(**fields: object) -> None:
    """Put these fields on every line that this process logs from now on, whichever task or thread it is from."""
    before = structlog.get_config()["processors"]
    structlog.configure(processors=[lambda _, __, line: {**fields, **line}, *before])


def debugs() -> bool:
    """Tell whether debug lines are written: for who would gather their fields a thousand times a second."""
    return _Levels.debugs or not structlog.is_configured()


def debug(event: LogEvent, **fields: object) -> None:
    """Log what only somebody who looks for a fault wants to know."""
    if debugs():
        structlog.get_logger().debug(event, **fields)


def info(event: LogEvent, **fields: object) -> None:
    """Log what is worth knowing; fields name places and figures."""
    structlog.get_logger().info(event, **fields)


def warning(event: LogEvent, **fields: object) -> None:
    """Log what somebody should look at."""
    structlog.get_logger().warning(event, **fields)


def error(event: LogEvent, **fields: object) -> None:
    """Log what somebody must see to: without them it does not go on."""
    structlog.get_logger().error(event, **fields)


def on_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what failed in the event loop and nobody waited for; for `loop.set_exception_handler`."""
    del loop
    found = context.get("exception")
    fields = error_fields(found) if isinstance(found, BaseException) else {}
    error("unexpected_error", message=words_of(str(context.get("message", ""))), **fields)


def _library(level: int, fields: Any) -> None:
    event: LogEvent = "library"
    structlog.get_logger().log(level, event, **fields)


def _redact(_: object, __: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {name: redact(value) for name, value in fields.items()}


def _dumps(event: object, **_: object) -> str:
    return orjson.dumps(event).decode()
