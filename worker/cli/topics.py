"""`topics check` and `topics create`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from worker.cli.options import FOUND_SOMETHING_WRONG, Config, Json, Log, LogLevel, refuse
from worker.cli.session import settings_or_refuse

if TYPE_CHECKING:
    from worker.app.topics import Checked

_HOUR_MS = 3_600_000

app = typer.Typer(help="Look at the topics that the worker needs, or make them.", no_args_is_help=True)


@app.command()
def check(config: Config = None, log_level: Log = LogLevel.WARNING, *, json: Json = False) -> None:
    """Compare the topics of the cluster with what the settings need. Exit 1 if a finding is an error.

    Errors keep the worker from working: a topic is missing, the assignments topic is not compacted. Warnings tell what
    works less well than it could.

    Example: `experiment-worker topics check --config worker.toml`
    """
    import asyncio

    import orjson

    from worker.app.topics import check_topics
    from worker.streams.kafka.cluster import ClusterError

    settings = settings_or_refuse(config, log_level).settings
    try:
        checked = asyncio.run(check_topics(settings))
    except ClusterError as error:
        refuse(str(error))
    if json:
        topics = list(_rows(checked))
        typer.echo(orjson.dumps({"topics": topics, "findings": checked.findings}, option=orjson.OPT_INDENT_2))
    else:
        _show(checked)
    if any(finding.severity == "error" for finding in checked.findings):
        raise typer.Exit(FOUND_SOMETHING_WRONG)


@app.command()
def create(config: Config = None, log_level: Log = LogLevel.WARNING, *, json: Json = False) -> None:
    """Make the topics that are missing, as the settings need them. Those that stand are never changed.

    Outputs get as many partitions as the triggers topic has, if that stands already.

    Example: `WORKER_TOPICS__PARTITIONS=24 experiment-worker topics create`
    """
    import asyncio

    import orjson

    from worker.app.topics import create_topics
    from worker.streams.kafka.cluster import ClusterError

    settings = settings_or_refuse(config, log_level).settings
    try:
        created = asyncio.run(create_topics(settings))
    except ClusterError as error:
        refuse(str(error))
    if json:
        typer.echo(orjson.dumps({"created": created.made, "existing": created.stood}, option=orjson.OPT_INDENT_2))
        return
    for name in created.made:
        typer.echo(f"created {name}")
    for name in created.stood:
        typer.echo(f"stands  {name}")


def _rows(checked: Checked) -> Iterator[dict[str, object]]:
    """Yield what is known of each topic; what is missing has no more than its names."""
    for need in checked.needs:
        row: dict[str, object] = {"setting": need.setting, "topic": need.name}
        if (state := checked.states.get(need.name)) is not None:
            row |= {
                "partitions": state.partitions,
                "replicas": state.replicas,
                "cleanup_policy": ",".join(sorted(state.cleanup)),
                "max_message_bytes": state.max_message_bytes,
                "retention_ms": state.retention_ms,
                "min_insync_replicas": state.min_insync_replicas,
            }
        yield row


def _show(checked: Checked) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("topic", overflow="fold")
    for column in ("partitions", "replicas", "cleanup", "max bytes", "retention"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in _rows(checked):
        shown = [row.get(name, "-") for name in ("partitions", "replicas", "cleanup_policy", "max_message_bytes")]
        table.add_row(str(row["topic"]), *map(str, shown), _retention(row.get("retention_ms")))
    Console().print(table)
    for finding in checked.findings:
        typer.echo(f"{finding.severity}: {finding.topic}: {finding.message}")


def _retention(milliseconds: object) -> str:
    match milliseconds:
        case int() if milliseconds < 0:
            return "for ever"
        case int():
            return f"{milliseconds / _HOUR_MS:,.1f} h"
        case _:
            return "-"
