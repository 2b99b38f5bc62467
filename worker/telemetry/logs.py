"""Logs: structlog on stderr, for people on a terminal, as JSON lines elsewhere. Never an identifier or a payload."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import orjson
import structlog

LogEvent = Literal[
    "definitions_warning",  # a finding of the definitions that does not keep them from being used
    "handler_without_experiment",  # a handler is for an experiment that no definitions have: it will never run
    "replay_started",
    "replay_finished",
    "dead_letter",  # one input that could not be processed: its place and the reason
]


def configure(level: str) -> None:
    """Log that level and above to stderr."""
    terminal = sys.stderr.isatty()
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(serializer=_dumps),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _dumps(event: object, **_: object) -> str:
    return orjson.dumps(event).decode()


def info(event: LogEvent, **fields: object) -> None:
    """Log what is worth knowing; fields name places and figures."""
    structlog.get_logger().info(event, **fields)


def warning(event: LogEvent, **fields: object) -> None:
    """Log what somebody should look at."""
    structlog.get_logger().warning(event, **fields)
