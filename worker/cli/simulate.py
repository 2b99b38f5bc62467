"""`simulate`: realistic traffic."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.options import INTERRUPTED, Config, Json, Log, LogLevel, refuse
from worker.cli.session import settings_or_refuse

if TYPE_CHECKING:
    from rich.progress import Progress

    from worker.settings import Settings
    from worker.simulate.lines import Tally
    from worker.simulate.options import TrafficOptions

Shown = AbstractContextManager[Callable[[int], None]]

_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")


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
        typer.Option(
            metavar="FILE|kafka://TOPIC",
            help="A .ndjson, .ndjson.gz or .ndjson.zst file, a Kafka topic, or - for stdout.",
        ),
    ] = "-",
    rate: Annotated[
        float, typer.Option(metavar="N", min=0, help="Lines per second into a topic; 0: as fast as it takes them.")
    ] = 0.0,
    config: Config = None,
    log_level: Log = LogLevel.WARNING,
    *,
    progress: Annotated[
        bool | None, typer.Option("--progress/--no-progress", help="Show progress.", show_default="on a terminal")
    ] = None,
    json: Json = False,
) -> None:
    """Write a realistic log: people register and log in again and again, over weeks, devices, countries and formats.

    Everything is made up, addresses and names included. A file appears whole when it is done; an interrupted run leaves
    an earlier one as it was. In a topic (of the brokers in the settings) records are keyed by whom they tell of: a hash
    of the user id, before there is one of the e-mail address, phone number or username.

    Examples: `experiment-worker simulate --events 20000 --people 2000 --seed 7 --malformed 0.01 --out log.ndjson.gz`,
    `experiment-worker simulate --events 100000 --rate 500 --out kafka://auth.triggers`
    """
    from worker.streams.line_file import STDOUT

    settings = settings_or_refuse(config, log_level).settings
    options = _options_or_refuse(events, people, seed, malformed, start, days)
    if json and out == STDOUT:
        refuse("--json prints a summary on stdout, where the log goes: --out FILE")
    topic = _topic_or_refuse(out)
    if rate and topic is None:
        refuse("--rate is how fast a topic is fed: --out kafka://TOPIC")
    shown = _progress(events, out, wanted=progress)
    if topic is None:
        tally = _write_or_refuse(options, out, shown)
    else:
        tally = _send_or_refuse(options, topic, rate, settings, shown)
    _show(tally, json=json)


def _write_or_refuse(options: TrafficOptions, out: str, shown: Shown) -> Tally:
    from worker.simulate.write import write_log
    from worker.streams.line_file import UnwritableLinesError

    try:
        with shown as written:
            return write_log(options, out, written)
    except UnwritableLinesError as error:
        refuse(str(error))
    except KeyboardInterrupt:
        refuse("interrupted; an earlier file stands as it was", INTERRUPTED)


def _topic_or_refuse(out: str) -> str | None:
    scheme, found, topic = out.partition("://")
    if not found:
        return None
    if scheme != "kafka" or _TOPIC.fullmatch(topic) is None:
        refuse(f"--out is {out!r}, expected kafka://TOPIC or a file")
    return topic


def _send_or_refuse(options: TrafficOptions, topic: str, rate: float, settings: Settings, shown: Shown) -> Tally:
    import asyncio

    from worker.app.simulation import Simulation, run_simulation
    from worker.simulate.lines import Tally
    from worker.simulate.send import Pace
    from worker.streams.kafka.cluster import ClusterError

    tally, job = Tally(), Simulation(options, topic, Pace(rate))
    try:
        with shown as sent:
            complete = asyncio.run(run_simulation(job, settings, tally, sent))
    except ClusterError as error:
        refuse(f"{error}; {tally.lines:,} lines were sent to {topic}" if tally.lines else str(error))
    except (KeyboardInterrupt, asyncio.CancelledError):
        complete = False
    if not complete:
        refuse(f"interrupted; {tally.lines:,} lines were sent to {topic}", INTERRUPTED)
    return tally


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


@contextmanager
def _progress(events: int, out: str, *, wanted: bool | None) -> Iterator[Callable[[int], None]]:
    """Show a bar; what it yields is told how many lines there are. The bar is gone before anything else is said."""
    with _bar(wanted=wanted, out=out) as bar:
        task = bar.add_task("simulating", total=events)
        yield lambda lines: bar.update(task, completed=lines)


def _bar(*, wanted: bool | None, out: str) -> Progress:
    """Return the progress bar; where the log itself runs over the terminal there is none unless asked for."""
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from worker.streams.line_file import STDOUT

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
