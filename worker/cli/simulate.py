"""`simulate`: realistic traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.options import Config, Json, Log, LogLevel, refuse
from worker.cli.session import settings_or_refuse

if TYPE_CHECKING:
    from rich.progress import Progress

    from worker.simulate.lines import Tally
    from worker.simulate.options import TrafficOptions

_INTERRUPTED = 130  # as shells report a job ended by SIGINT


def simulate(
    events: Annotated[int, typer.Option(metavar="N", help="How many lines.")] = 10_000,
    people: Annotated[int, typer.Option(metavar="N", help="How many people make them.")] = 1_000,
    seed: Annotated[int, typer.Option(metavar="S", help="The same seed and options make the same bytes.")] = 0,
    malformed: Annotated[
        float, typer.Option(metavar="RATE", help="Share of the lines, 0 to 1, that are replaced by bad input.")
    ] = 0.0,
    start: Annotated[
        str, typer.Option(metavar="TIME", help="When the log begins (RFC 3339).")
    ] = "2026-01-05T00:00:00Z",
    days: Annotated[int, typer.Option(metavar="N", help="How many days the log lasts, about.")] = 30,
    out: Annotated[
        str,
        typer.Option(metavar="FILE", help="A .ndjson, .ndjson.gz or .ndjson.zst file; - for stdout."),
    ] = "-",
    config: Config = None,
    log_level: Log = LogLevel.WARNING,
    *,
    progress: Annotated[
        bool | None, typer.Option("--progress/--no-progress", help="Show progress.", show_default="on a terminal")
    ] = None,
    json: Json = False,
) -> None:
    """Write a realistic log: people register and log in again and again, over weeks, devices, countries and formats.

    Everything is made up, addresses and names included. The file appears whole when it is done; an interrupted run
    leaves an earlier one as it was.

    Example: `experiment-worker simulate --events 20000 --people 2000 --seed 7 --malformed 0.01 --out log.ndjson.gz`
    """
    from worker.simulate.line_file import STDOUT, UnwritableLinesError
    from worker.simulate.write import write_log

    settings_or_refuse(config, log_level)
    options = _options_or_refuse(events, people, seed, malformed, start, days)
    if json and out == STDOUT:
        refuse("--json prints a summary on stdout, where the log goes: --out FILE")
    try:
        with _bar(wanted=progress, out=out) as bar:
            task = bar.add_task("simulating", total=events)
            tally = write_log(options, out, lambda lines: bar.update(task, completed=lines))
    except UnwritableLinesError as error:
        refuse(str(error))
    except KeyboardInterrupt:
        refuse("interrupted; an earlier file stands as it was", _INTERRUPTED)
    _show(tally, json=json)


def _options_or_refuse(events: int, people: int, seed: int, malformed: float, start: str, days: int) -> TrafficOptions:
    from worker.formats.fields import is_rfc3339, parse_rfc3339
    from worker.simulate.options import TrafficOptions, WrongTrafficError

    if not is_rfc3339(start):
        refuse(f"--start is {start!r}, expected an RFC 3339 time like 2026-01-05T00:00:00Z")
    try:
        return TrafficOptions(
            events=events, people=people, seed=seed, malformed=malformed, start=parse_rfc3339(start), days=days
        )
    except WrongTrafficError as error:
        refuse(f"--{error}")


def _bar(*, wanted: bool | None, out: str) -> Progress:
    """Return the progress bar; where the log itself runs over the terminal there is none unless asked for."""
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from worker.simulate.line_file import STDOUT

    on_terminal = sys.stderr.isatty() and not (out == STDOUT and sys.stdout.isatty())
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True, force_terminal=wanted),
        disable=not (on_terminal if wanted is None else wanted),
        transient=True,
    )


def _show(tally: Tally, *, json: bool) -> None:
    kinds = dict(sorted(tally.kinds.items()))
    if json:
        import orjson

        summary = {"lines": tally.lines, "people": tally.people, "malformed": tally.malformed, "kinds": kinds}
        typer.echo(orjson.dumps(summary, option=orjson.OPT_INDENT_2))
    listed = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
    typer.echo(f"{tally.lines:,} lines of {tally.people:,} people, {tally.malformed:,} malformed: {listed}", err=True)
