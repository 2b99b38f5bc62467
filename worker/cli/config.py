"""`config show`: the settings in force."""

from __future__ import annotations

import typer

from worker.cli.options import Config, Json, Log, LogLevel
from worker.cli.session import settings_or_refuse

app = typer.Typer(help="Look at the settings.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Look at the settings."""


@app.command(
    epilog="Example:  WORKER_EXPOSURES__WHEN=read experiment-worker config show --config worker.toml",
)
def show(config: Config = None, log_level: Log = LogLevel.WARNING, *, json: Json = False) -> None:
    """Show the settings in force and where each came from; secrets are masked."""
    import orjson
    from rich.console import Console
    from rich.table import Table

    loaded = settings_or_refuse(config, log_level)
    if json:
        rows = [{"name": row.name, "value": row.value, "source": row.source} for row in loaded.listing]
        typer.echo(orjson.dumps({"settings": rows}, option=orjson.OPT_INDENT_2))
        return
    table = Table("setting", "value", "source", box=None, pad_edge=False, header_style="bold")
    for row in loaded.listing:
        table.add_row(row.name, "" if row.value is None else str(row.value), row.source)
    Console().print(table)
