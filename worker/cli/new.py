"""`new`: files to begin with."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from worker.cli.options import refuse

app = typer.Typer(help="Write files to begin with: a first experiment, a handler and its test.", no_args_is_help=True)
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class Trigger(StrEnum):
    """When a handler runs."""

    POST_LOGIN = "post_login"
    PRE_USER_REGISTRATION = "pre_user_registration"
    POST_USER_REGISTRATION = "post_user_registration"


@app.command()
def definitions(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write it.")] = Path("definitions"),
) -> None:
    """Write the definitions of a first experiment, with comments: passkeys for half of the users.

    Example: `experiment-worker new definitions`
    """
    from worker.starters import StarterError, write_definitions

    try:
        [file] = write_definitions(folder)
    except StarterError as error:
        refuse(str(error))
    typer.echo(f"{file}: an experiment with two variations")
    typer.echo(f"Next: experiment-worker replay LOG --definitions {folder}")


@app.command()
def handler(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The Python file to write.")] = Path("handlers.py"),
    trigger: Annotated[Trigger, typer.Option(help="When it runs.")] = Trigger.POST_LOGIN,
    experiment: Annotated[
        str | None, typer.Option(metavar="ID", help="Run only where this experiment applies. [every experiment]")
    ] = None,
) -> None:
    """Write a handler and, beside it, a test that passes with `pytest`. Nothing is overwritten.

    Example: `experiment-worker new handler handlers.py --trigger post_login`
    """
    from worker.starters import StarterError, write_handler

    if experiment is not None and not _ID.fullmatch(experiment):
        refuse("--experiment: expected an experiment's id: letters, digits, _ and -")
    try:
        written, test = write_handler(file, trigger.value, experiment)
    except StarterError as error:
        refuse(str(error))
    typer.echo(f"{written}: a handler for {trigger.value}")
    typer.echo(f"{test}: its tests")
    typer.echo(f"Next: pytest {test}; then experiment-worker replay LOG --definitions PATH --handlers {written}")
