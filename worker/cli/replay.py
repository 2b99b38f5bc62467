"""`replay`: the pipeline over event logs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.options import (
    FOUND_SOMETHING_WRONG,
    WRONG_USAGE,
    Config,
    DefinitionsPath,
    HandlerPaths,
    Json,
    Log,
    LogLevel,
    refuse,
)
from worker.cli.session import definitions_or_refuse, handlers_or_refuse, settings_or_refuse, snapshot_or_refuse

if TYPE_CHECKING:
    from datetime import datetime

    from worker.app.replay import Other, Window

_INTERRUPTED = 130  # as shells report a job ended by SIGINT


def replay(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE…", help="Logs: .ndjson, .ndjson.gz or .ndjson.zst files, folders, - for stdin."),
    ],
    definitions: DefinitionsPath = None,
    handlers: HandlerPaths = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the outputs.")] = Path("out"),
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Only events at or after this RFC 3339 time; those without a time are left out."
        ),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Only events before this RFC 3339 time.")] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Stop after N inputs (before --since and --until).")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write a page about the run: one file that needs no network."),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Replay under these definitions too, and show what would change for whom. Takes more memory for each "
            "person, not for each event.",
        ),
    ] = None,
    activate: Annotated[
        str | None,
        typer.Option(
            metavar="EXPERIMENT",
            help="Compare with that experiment (a draft) active, in the place of what is active now: of --compare, or "
            "without it of the configured definitions.",
        ),
    ] = None,
    config: Config = None,
    log_level: Log = LogLevel.WARNING,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Decide and report, write no outputs.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 if there are dead letters.")] = False,
    progress: Annotated[
        bool | None, typer.Option("--progress/--no-progress", help="Show progress.", show_default="on a terminal")
    ] = None,
    json: Json = False,
) -> None:
    """Run experiments and handlers over event logs: the worker's pipeline, from files into files.

    Writes enriched events, exposures, enrollments, commands, assignments and dead letters as `.ndjson` files and a
    `summary.json`. They appear whole when the run is over; an interrupted run leaves earlier outputs as they were. An
    event that can't be processed becomes a dead letter and the run goes on.

    Example: `experiment-worker replay log.ndjson.gz --definitions definitions/ --handlers handlers.py`

    What next week's draft would have done to last month's logins:
    `experiment-worker replay logs/ --config worker.toml --activate exp_draft --dry-run --report what-if.html`
    """
    import asyncio
    import sys
    from contextlib import redirect_stdout

    import orjson

    from worker.app.failures import Failures
    from worker.app.replay import Replay, run_replay
    from worker.cli.comparison_tables import show_comparison
    from worker.cli.failures import show_failures
    from worker.cli.progress import ReplayProgress
    from worker.cli.replay_tables import show
    from worker.replay import StoppedError
    from worker.streams.line_file import UnwritableLinesError
    from worker.streams.logs import UnreadableLogError, find_logs
    from worker.streams.output_folder import OutputFolderError

    window = _window(since, until)
    _check_report(report)
    flags = {
        ("definitions", "path"): (definitions, "--definitions"),
        ("handlers",): (handlers, "--handlers"),
    }
    settings = settings_or_refuse(config, log_level, flags).settings
    try:
        logs = find_logs(sources, None if dry_run else out)
    except UnreadableLogError as error:
        refuse(str(error))
    failures = Failures()
    job = Replay(
        logs,
        settings,
        snapshot_or_refuse(settings),
        handlers_or_refuse(settings),
        None if dry_run else out,
        window,
        limit,
        report,
        _other(compare or (settings.definitions.path if activate else None), activate),
        failures.add,
    )
    try:
        # What handlers print goes to stderr: stdout is for the result.
        with ReplayProgress(logs, wanted=progress) as shown, redirect_stdout(sys.stderr):
            summary = asyncio.run(run_replay(job, shown))
    except (OutputFolderError, UnwritableLinesError) as error:
        refuse(str(error))
    except StoppedError as error:
        show_failures(failures.kinds(), stderr=True)
        refuse(f"{error}; nothing was written", FOUND_SOMETHING_WRONG)
    except UnreadableLogError as error:
        refuse(f"{error}; nothing was written", FOUND_SOMETHING_WRONG)
    except KeyboardInterrupt:
        refuse("interrupted; earlier outputs stand as they were", _INTERRUPTED)
    if json:
        typer.echo(orjson.dumps(summary, option=orjson.OPT_INDENT_2))
    else:
        show(summary, job.out)
        show_failures(failures.kinds())
        if "comparison" in summary:
            show_comparison(summary["comparison"])
        if report is not None:
            typer.echo(f"\nThe report is in {report}.")
    dead = sum(summary["dead_letters"].values())
    if dead and strict:
        refuse(f"{dead:,} dead letters (--strict)", FOUND_SOMETHING_WRONG)


def _check_report(report: Path | None) -> None:
    """Refuse what would be written over by mistake, before the work."""
    if report is not None and report.suffix not in {".html", ".htm"}:
        refuse(f"--report {report}: expected the name of an .html file")
    if report is not None and report.is_dir():
        refuse(f"--report {report}: is a folder, expected the name of a file")


def _other(path: Path | None, activate: str | None) -> Other | None:
    """Load the definitions to compare with, None if that was not asked for."""
    from worker.app.replay import Other

    if path is None:
        return None
    return Other(str(path), definitions_or_refuse(path, active=activate, code=WRONG_USAGE), activate)


def _window(since: str | None, until: str | None) -> Window | None:
    from worker.app.replay import Window

    if since is None and until is None:
        return None
    window = Window(_moment("--since", since), _moment("--until", until))
    if window.since is not None and window.until is not None and window.since >= window.until:
        refuse(f"--since {since} is not before --until {until}: no event can be in between")
    return window


def _moment(flag: str, text: str | None) -> datetime | None:
    from worker.formats.fields import is_rfc3339, parse_rfc3339

    if text is not None and not is_rfc3339(text):
        refuse(f"{flag} is {text!r}, expected an RFC 3339 time like 2026-01-31T00:00:00Z")
    return None if text is None else parse_rfc3339(text)
