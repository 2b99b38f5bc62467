"""`schemas export`: the contracts as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.options import Config, Json, Log, LogLevel, refuse
from worker.cli.session import settings_or_refuse

app = typer.Typer(
    help="The contracts of all records: JSON Schema 2020-12 and an AsyncAPI 3 document.", no_args_is_help=True
)


@app.callback(epilog="Example:  experiment-worker schemas export contracts/")
def _group() -> None:
    """The contracts of all records: JSON Schema 2020-12 and an AsyncAPI 3 document.

    Validate what you send to the worker, check definitions in your editor, generate types for what it writes, show the
    topics in an AsyncAPI viewer.
    """


@app.command()
def export(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to write; made if it is missing. Other files in it stay.")
    ],
    config: Config = None,
    log_level: Log = LogLevel.WARNING,
    *,
    json: Json = False,
) -> None:
    """Write a JSON Schema of every record, and an AsyncAPI document of the topics that the settings name.

    `<record>.schema.json` is JSON Schema 2020-12, `asyncapi.json` is AsyncAPI 3. All files appear, or none.

    Example: `experiment-worker schemas export contracts/`
    """
    import orjson

    from worker.app.contracts import contract_files
    from worker.streams.file_set import UnwritableFolderError, write_together

    contents = contract_files(settings_or_refuse(config, log_level).settings)
    try:
        write_together(folder, contents)
    except UnwritableFolderError as error:
        refuse(str(error))
    written = [str(folder / name) for name in contents]
    if json:
        typer.echo(orjson.dumps({"files": written}, option=orjson.OPT_INDENT_2))
        return
    for path in written:
        typer.echo(f"wrote {path}")
