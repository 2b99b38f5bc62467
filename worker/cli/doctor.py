"""`doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from worker.cli.options import FOUND_SOMETHING_WRONG, Config, Json, Log, LogLevel
from worker.cli.session import settings_or_refuse

if TYPE_CHECKING:
    from worker.app.doctor import Check
    from worker.settings import Settings

_COLOURS = {"ok": "green", "warning": "yellow", "error": "red", "skipped": "bright_black"}


def doctor(config: Config = None, log_level: Log = LogLevel.ERROR, *, json: Json = False) -> None:
    """Check everything that the settings name, in order, and say what to do about what is wrong. Exit 1 on findings.

    Pepper, definitions and handlers; for each broker its name, connection, TLS and login; rights, topics, a transaction
    and the broker's clock; Redis, its version, role, eviction, persistence, clock and keys. Nothing is changed: the
    transaction is aborted and writes no record.

    Example: `experiment-worker doctor --config worker.toml`
    """
    import asyncio

    import orjson

    from worker.app.doctor import findings

    settings = settings_or_refuse(config, log_level).settings
    checks = asyncio.run(_examined(settings, json=json))
    found = findings(checks)
    if json:
        typer.echo(orjson.dumps({"checks": checks, "findings": found}, default=_fields, option=orjson.OPT_INDENT_2))
    else:
        typer.echo(f"{found} finding{'s' * (found > 1)}" if found else "all is well")
    if found:
        raise typer.Exit(FOUND_SOMETHING_WRONG)


async def _examined(settings: Settings, *, json: bool) -> list[Check]:
    from worker.app.doctor import examine

    checks = []
    async for check in examine(settings):
        checks.append(check)
        if not json:
            _show(check)
    return checks


def _show(check: Check) -> None:
    status = typer.style(f"{check.status:8}", fg=_COLOURS[check.status], bold=check.status != "ok")
    typer.echo(f"{status} {check.name}: {check.found}")
    if check.status in {"warning", "error"}:
        typer.echo(f"         tried: {check.tried}")
        typer.echo(f"         to do: {check.advice}")


def _fields(value: object) -> object:
    import msgspec

    return msgspec.to_builtins(value)
