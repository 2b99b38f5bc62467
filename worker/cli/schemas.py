"""`schemas export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.options import Config, Json, Log, LogLevel, refuse
from worker.cli.session import settings_or_refuse

app = typer.Typer(help="The contracts: what every record looks like.", no_args_is_help=True)


@app.callback()
def schemas() -> None:
    """Look at what every record looks like."""


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write them.")],
    config: Config = None,
    log_level: Log = LogLevel.WARNING,
    *,
    json: Json = False,
) -> None:
    """Write a JSON Schema (2020-12) of every record, and the AsyncAPI 3 document of the topics in the settings.

    Consumers validate records with the schemas or generate types from them; AsyncAPI tools show the topics.

    Example: `experiment-worker schemas export contracts/`
    """
    import orjson

    from worker.app.contracts import export as write
    from worker.streams.output_folder import OutputFolderError

    settings = settings_or_refuse(config, log_level).settings
    try:
        files = [str(file) for file in write(folder, settings)]
    except OutputFolderError as error:
        refuse(str(error))
    typer.echo(orjson.dumps({"files": files}).decode() if json else "\n".join(files))
