"""The console script: `experiment-worker`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

import typer

from worker.cli import config, replay, run, simulate, topics, validate
from worker.cli.options import FOUND_SOMETHING_WRONG

app = typer.Typer(
    name="experiment-worker",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Run A/B experiments on the stream of authentication events.\n\n"
    "First steps: `simulate` writes a realistic log, `validate` checks definitions, `replay` runs them over the log. "
    "On Kafka and Redis: `topics create` makes the topics, `run` is the worker.",
)
app.command("run")(run.run)
app.command("replay")(replay.replay)
app.command("simulate")(simulate.simulate)
app.command("validate")(validate.validate)
app.add_typer(topics.app, name="topics")
app.add_typer(config.app, name="config")


def main() -> None:
    """Run the command line; SIGINT and SIGTERM interrupt it at once, also in the middle of a batch."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        app()
    except OSError as error:
        if error.filename is not None:  # not standard output's
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered can't be written either
        typer.echo(f"error: standard output can't be written: {error.strerror}", err=True)
        sys.exit(FOUND_SOMETHING_WRONG)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """Raise where the program stands: asyncio's own handler would wait for the next suspension."""
    raise KeyboardInterrupt
