"""The console script: `experiment-worker`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer

from worker.cli import (
    config,
    deliver,
    dlq,
    doctor,
    explain,
    forget,
    new,
    replay,
    restore,
    run,
    schemas,
    simulate,
    topics,
    validate,
    webhooks,
    welcome,
)
from worker.cli.options import FOUND_SOMETHING_WRONG

app = typer.Typer(
    name="experiment-worker",
    invoke_without_command=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Run A/B experiments on the stream of authentication events.\n\n"
    "First steps: `simulate` writes a realistic log, `new definitions` a first experiment, `replay` runs it over the "
    "log. On Kafka and Redis: `topics create` makes the topics, `run` is the worker.",
)
app.command("run")(run.run)
app.command("deliver")(deliver.deliver)
app.command("replay")(replay.replay)
app.command("simulate")(simulate.simulate)
app.command("validate")(validate.validate)
app.command("explain")(explain.explain)
app.command("doctor")(doctor.doctor)
app.command("forget")(forget.forget)
app.command("restore")(restore.restore)
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(dlq.app, name="dlq")
app.add_typer(new.app, name="new")
app.add_typer(schemas.app, name="schemas")
app.add_typer(topics.app, name="topics")
app.add_typer(config.app, name="config")


def _print_version(asked: bool) -> None:  # noqa: FBT001 - as Typer calls it
    if asked:
        typer.echo(welcome.version_line())
        raise typer.Exit


@app.callback()
def experiment_worker(
    context: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001 - its callback has answered
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Say what to type first, where no command is given."""
    if context.invoked_subcommand is None:
        welcome.welcome()


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
