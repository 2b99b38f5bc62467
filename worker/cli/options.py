"""The options that every command takes, and how a command ends."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

FOUND_SOMETHING_WRONG = 1
WRONG_USAGE = 2
INTERRUPTED = 130  # as shells report a job ended by SIGINT


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Settings file (TOML).",
        show_default="worker.toml, if there is one",
        rich_help_panel="Common options",
    ),
]
Log = Annotated[
    LogLevel, typer.Option("--log-level", help="How much to log, on stderr.", rich_help_panel="Common options")
]
Json = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON on stdout.", rich_help_panel="Common options")
]
DefinitionsPath = Annotated[
    Path | None,
    typer.Option(
        "--definitions",
        metavar="PATH",
        help="Definitions: a YAML or JSON file, or a folder of them. [definitions.path]",
    ),
]
HandlerPaths = Annotated[
    list[str] | None,
    typer.Option(
        "--handlers", metavar="PATH", help="Handlers: an import path or a .py file; may be given again. [handlers]"
    ),
]


def refuse(message: str, code: int = WRONG_USAGE) -> NoReturn:
    """End the command with one message on stderr."""
    typer.echo(typer.style("error: ", fg=typer.colors.RED, bold=True) + message, err=True)
    raise typer.Exit(code)
