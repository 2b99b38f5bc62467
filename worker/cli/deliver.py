"""`deliver`: send webhooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.options import FOUND_SOMETHING_WRONG, INTERRUPTED, Config, Json, Log, LogLevel, refuse
from worker.cli.session import settings_or_refuse

if TYPE_CHECKING:
    from worker.app.sending import FileSent
    from worker.settings import Settings


def deliver(
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FILE", help="Enrollments of a replay (enrollments.ndjson) instead of the topic."
        ),
    ] = None,
    config: Config = None,
    log_level: Log = LogLevel.INFO,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --from: show what would be sent, send nothing.")
    ] = False,
    send: Annotated[bool, typer.Option("--send", help="With --from: send them. Nothing else does.")] = False,
    json: Json = False,
) -> None:
    """Deliver enrollments: read `topics.enrollments` and POST each payload to its endpoint, signed, at least once.

    Endpoints stand under `webhooks.endpoints`. What fails is tried again by the endpoint's schedule, from a topic of
    retries: any number of deliverers share the work, and none of it is lost with them. Each enrollment has one
    `webhook-id` for all attempts. An endpoint that answers 410 is disabled until `webhooks enable`; what its schedule
    has exhausted goes to `topics.enrollments_dead_letters`, and `dlq redrive --enrollments` sends it back.

    With `--from` it reads a file instead, and sends nothing without `--send`: a replay enrols nobody by accident.

    Example: `experiment-worker deliver --config worker.toml`

    Example: `experiment-worker deliver --from out/enrollments.ndjson --dry-run`
    """
    settings = settings_or_refuse(config, log_level if source is None else LogLevel.WARNING).settings
    if source is not None:
        _from_file(settings, source, dry_run=dry_run, send=send, json=json)
        return
    if dry_run or send:
        refuse("--dry-run and --send go with --from: expected a file of enrollments")
    _from_topic(settings)


def _from_topic(settings: Settings) -> None:
    import uvloop

    from worker.app.delivering import deliver_until_signalled
    from worker.app.run import WorkerFailedError
    from worker.streams.kafka.cluster import ClusterError
    from worker.telemetry.health import HealthServerError

    if not settings.webhooks.endpoints and not settings.webhooks.allow_urls:
        refuse("there is nobody to deliver to: expected webhooks.endpoints.<name>.url, or webhooks.allow_urls")
    try:
        uvloop.run(deliver_until_signalled(settings))
    except (ClusterError, HealthServerError) as error:
        refuse(str(error))
    except WorkerFailedError as error:
        refuse(f"the deliverer stopped: {error}", FOUND_SOMETHING_WRONG)


def _from_file(settings: Settings, source: Path, *, dry_run: bool, send: bool, json: bool) -> None:
    import asyncio

    from worker.app.sending import send_file
    from worker.cli.progress import BytesProgress
    from worker.streams.logs import UnreadableLogError, find_logs

    if dry_run == send:
        refuse("expected either --dry-run, which sends nothing, or --send")
    try:
        logs = find_logs([str(source)])
        with BytesProgress("sending" if send else "reading", logs, wanted=None) as shown:
            done = asyncio.run(send_file(settings, logs, shown.read, send=send))
    except UnreadableLogError as error:
        refuse(str(error))
    except KeyboardInterrupt:
        refuse("interrupted; what was sent has the same ids when it is sent again", INTERRUPTED)
    _show(settings, done, json=json)
    if done.not_sent:
        raise typer.Exit(FOUND_SOMETHING_WRONG)


def _show(settings: Settings, done: FileSent, *, json: bool) -> None:
    import msgspec

    from worker.cli.webhooks import signed

    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(done), indent=2).decode())
        return
    for label, counts in sorted(done.endpoints.items()):
        listed = ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items()))
        endpoint = settings.webhooks.endpoints.get(label)
        place = "" if endpoint is None else f"  {signed(endpoint)}"
        typer.echo(f"{label}: {listed}{place}")
    for place, reason in done.problems:
        typer.echo(f"{place}: {reason}", err=True)
    if done.not_sent > len(done.problems):
        typer.echo(f"… and {done.not_sent - len(done.problems):,} more", err=True)
    typer.echo(
        f"{done.enrollments:,} enrollments, {done.not_sent:,} {'not sent' if done.sent else 'that could not be sent'}"
    )
    if not done.sent:
        typer.echo("Nothing was sent (--dry-run).")
