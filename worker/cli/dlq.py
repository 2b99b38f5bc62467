"""`dlq list`, `dlq show` and `dlq redrive`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.options import FOUND_SOMETHING_WRONG, INTERRUPTED, Config, Json, Log, LogLevel, refuse
from worker.cli.session import settings_or_refuse

if TYPE_CHECKING:
    from worker.app.redriving import Listed, Wanted
    from worker.settings import Settings
    from worker.streams.kafka.letters import Letter

_LISTED = 100

Enrollments = Annotated[
    bool,
    typer.Option("--enrollments", help="Those of `deliver`: enrollments that were not delivered, instead of inputs."),
]

app = typer.Typer(help="Look at the dead letters, or send them back.", no_args_is_help=True)

Reasons = Annotated[
    list[str] | None, typer.Option("--reason", metavar="REASON", help="Only of this reason; may be given again.")
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Only those that died at or after this RFC 3339 time.")
]


@app.command("list")
def list_(
    reasons: Reasons = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="Show N at most.")] = _LISTED,
    config: Config = None,
    log_level: Log = LogLevel.WARNING,
    *,
    enrollments: Enrollments = False,
    json: Json = False,
) -> None:
    """List dead letters: where each stands, why it died, where it came from, and whether it was sent back.

    Nothing of the inputs themselves is shown; `dlq show` does that, masked.

    Example: `experiment-worker dlq list --reason handler_failed --since 2026-03-01T00:00:00Z`
    """
    import asyncio

    from worker.app.redriving import listed
    from worker.cli.progress import OffsetsProgress
    from worker.streams.kafka.cluster import ClusterError

    settings = settings_or_refuse(config, log_level).settings
    wanted = _wanted(settings, reasons, since, limit, enrollments=enrollments)

    async def found(shown: OffsetsProgress) -> list[Listed]:
        return [each async for each in listed(settings, wanted, shown.of)]

    try:
        with OffsetsProgress("reading", wanted=None) as shown:
            letters = asyncio.run(found(shown))
    except ClusterError as error:
        refuse(str(error))
    _show_list(letters, limit, json=json)


@app.command()
def show(
    place: Annotated[str, typer.Argument(metavar="PLACE", help="Where it stands: PARTITION/OFFSET, as listed.")],
    config: Config = None,
    log_level: Log = LogLevel.WARNING,
    *,
    enrollments: Enrollments = False,
    json: Json = False,
) -> None:
    """Show one dead letter: what is said of it, its headers and its value, with whatever could be somebody's masked.

    Example: `experiment-worker dlq show 3/117`
    """
    import asyncio

    from worker.app.redriving import found_at, topics_of
    from worker.streams.kafka.cluster import ClusterError

    partition, slash, offset = place.partition("/")
    if not slash or not partition.isdecimal() or not offset.isdecimal():
        refuse(f"PLACE is {place!r}, expected PARTITION/OFFSET like 3/117")
    settings = settings_or_refuse(config, log_level).settings
    topics = topics_of(settings, enrollments=enrollments)
    try:
        found = asyncio.run(found_at(settings, topics, int(partition), int(offset)))
    except ClusterError as error:
        refuse(str(error))
    if found is None:
        refuse(f"{topics.letters}: there is no dead letter at {place}", FOUND_SOMETHING_WRONG)
    document = _facts(found) | _masked(found.letter)
    if json:
        _echo(document)
        return
    for name, value in document.items():
        typer.echo(f"{name:12} {value if isinstance(value, str | int) else _line(value)}")


@app.command()
def redrive(
    reasons: Reasons = None,
    since: Since = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Send N at most.")] = None,
    config: Config = None,
    log_level: Log = LogLevel.WARNING,
    *,
    enrollments: Enrollments = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, send nothing.")] = False,
    json: Json = False,
) -> None:
    """Send dead letters back to the topic and partition they came from, each once: after a bad deploy was mended.

    They go as they were, bytes, headers and timestamp, with a header `redrive.source` that keeps their ids what they
    would have been. A second call sends nothing again, whatever filters were used; what fails again is a new letter.

    Example: `experiment-worker dlq redrive --reason handler_failed --dry-run`
    """
    import asyncio

    import msgspec

    from worker.app.redriving import redrive as send_back
    from worker.cli.progress import OffsetsProgress
    from worker.streams.kafka.cluster import ClusterError

    settings = settings_or_refuse(config, log_level).settings
    wanted = _wanted(settings, reasons, since, limit, enrollments=enrollments)
    try:
        with OffsetsProgress("redriving", wanted=None) as shown:
            done = asyncio.run(send_back(settings, wanted, shown.of, dry_run=dry_run))
    except ClusterError as error:
        refuse(str(error))
    except KeyboardInterrupt:
        refuse("interrupted; what was sent is marked, another redrive sends the rest", INTERRUPTED)
    if json:
        _echo({"dry_run": dry_run, **msgspec.to_builtins(done)})
        return
    typer.echo(f"{done.sent:,} {'would be sent' if dry_run else 'sent'} back to {wanted.topics.origin}")
    if done.already:
        typer.echo(f"{done.already:,} were sent back before")
    if done.not_kept:
        typer.echo(f"{done.not_kept:,} can't be: they were too large to be kept")
    if done.elsewhere:
        typer.echo(f"{done.elsewhere:,} came from elsewhere than {wanted.topics.origin}")


def _wanted(
    settings: Settings, reasons: list[str] | None, since: str | None, limit: int | None, *, enrollments: bool
) -> Wanted:
    from worker.app.deliveries import DELIVERY_REASONS
    from worker.app.redriving import Wanted, topics_of
    from worker.formats.fields import is_rfc3339, parse_rfc3339
    from worker.streams.kafka.letters import REASONS

    known = DELIVERY_REASONS if enrollments else REASONS
    for reason in reasons or []:
        if reason not in known:
            refuse(f"--reason is {reason!r}, expected one of {', '.join(known)}")
    if since is not None and not is_rfc3339(since):
        refuse(f"--since is {since!r}, expected an RFC 3339 time like 2026-01-31T00:00:00Z")
    topics = topics_of(settings, enrollments=enrollments)
    return Wanted(topics, frozenset(reasons or ()), None if since is None else parse_rfc3339(since), limit)


def _facts(found: Listed) -> dict[str, Any]:
    from worker.formats.fields import rfc3339
    from worker.report.masking import mask

    letter = found.letter
    return {
        "place": letter.place,
        "reason": letter.reason,
        "stage": letter.stage,
        "time": letter.time,
        "source": letter.source,
        "arrived": rfc3339(letter.timestamp),
        "message": mask(letter.message),
        "redriven": found.redriven,
    }


def _masked(letter: Letter) -> dict[str, Any]:
    from worker.report.masking import mask, mask_input

    headers = {name: mask(text.decode(errors="replace")) for name, text in letter.headers}
    return {
        "bytes": len(letter.value or b""),
        "key": "none" if letter.key is None else mask(letter.key.decode(errors="replace")),
        "headers": headers,
        "value": mask_input(letter.value or b""),
    }


def _show_list(letters: list[Listed], limit: int, *, json: bool) -> None:
    from collections import Counter

    from rich.console import Console
    from rich.table import Table

    if json:
        _echo({"letters": [_facts(each) for each in letters]})
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("place", "reason", "time", "source", "sent back", "message"):
        table.add_column(column, overflow="fold")
    for facts in map(_facts, letters):
        sent_back = "yes" if facts["redriven"] else "no"
        table.add_row(facts["place"], facts["reason"], facts["time"], facts["source"], sent_back, facts["message"])
    if letters:
        Console().print(table)
    counts = Counter(each.letter.reason for each in letters)
    listed = ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common())
    typer.echo(f"{len(letters):,} dead letters" + (f": {listed}" if listed else ""))
    if len(letters) == limit:
        typer.echo(f"There may be more: --limit is {limit:,}.")


def _echo(document: object) -> None:
    import orjson

    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def _line(value: object) -> str:
    import orjson

    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
