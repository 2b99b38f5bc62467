"""`replay`: the pipeline over event logs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.options import (
    FOUND_SOMETHING_WRONG,
    INTERRUPTED,
    WRONG_USAGE,
    Config,
    DefinitionsPath,
    HandlerPaths,
    Json,
    Log,
    LogLevel,
    refuse,
)
from worker.cli.session import (
    Flags,
    definitions_or_refuse,
    handlers_or_refuse,
    settings_or_refuse,
    snapshot_or_refuse,
)

if TYPE_CHECKING:
    from datetime import datetime

    from worker.app.failures import Failures
    from worker.app.kafka_replay import Topic
    from worker.app.replay import Other, Replay, Window
    from worker.streams.logs import Log as LogFile


def replay(
    context: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE…",
            help="Logs: .ndjson, .ndjson.gz or .ndjson.zst files, folders, - for stdin; or one topic, kafka://TOPIC.",
        ),
    ],
    definitions: DefinitionsPath = None,
    handlers: HandlerPaths = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the outputs.")] = Path("out"),
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Only events at or after this RFC 3339 time; those without a time are left out. Of a topic: by the "
            "records' timestamps.",
        ),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Only events before this RFC 3339 time.")] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Stop after N inputs (before --since and --until).")
    ] = None,
    topic_suffix: Annotated[
        str | None,
        typer.Option(
            metavar="SUFFIX",
            help="Of a topic: write to new topics, named like the live ones with this suffix, instead of to --out.",
        ),
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
    from_assignments: Annotated[
        bool,
        typer.Option(
            "--from-assignments",
            help="Begin with what the assignments topic holds: everybody has the live variation. It needs the live "
            "pepper.",
        ),
    ] = False,
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

    A topic is read up to its end of this moment, in the order of its records' timestamps, without a group. Nothing is
    ever written to the live topics.

    Example: `experiment-worker replay log.ndjson.gz --definitions definitions/ --handlers handlers.py`

    What next week's draft would have done to last month's logins:
    `experiment-worker replay logs/ --config worker.toml --activate exp_draft --dry-run --report what-if.html`

    The last hours of the live topic, with the live variations:
    `experiment-worker replay kafka://auth.triggers --since 2026-03-01T06:00:00Z --from-assignments`
    """
    import orjson

    from worker.app.failures import Failures
    from worker.app.replay import Replay
    from worker.cli.comparison_tables import show_comparison
    from worker.cli.failures import show_failures
    from worker.cli.replay_tables import show

    topic, window = _topic(sources, since, until), _window(since, until)
    if topic_suffix is not None:
        _check_suffix(topic_suffix, topic, dry_run=dry_run, out_given=_given(context, "out"))
    _check_report(report)
    flags: Flags = {("definitions", "path"): (definitions, "--definitions"), ("handlers",): (handlers, "--handlers")}
    settings = settings_or_refuse(config, log_level, flags).settings
    if from_assignments and settings.subjects.pepper is None:
        refuse("subjects.pepper is not set, expected the live one: WORKER_SUBJECTS__PEPPER in the environment")
    files = None if dry_run or topic_suffix is not None else out
    failures = Failures()
    job = Replay(
        [] if topic is not None else _logs_or_refuse(sources, files),
        settings,
        snapshot_or_refuse(settings),
        handlers_or_refuse(settings),
        files,
        window if topic is None else None,
        limit,
        report,
        _other(compare or (settings.definitions.path if activate else None), activate),
        failures.add,
        topic,
        topic_suffix,
        from_assignments,
    )
    summary = _replayed_or_refuse(job, failures, progress)
    if json:
        typer.echo(orjson.dumps(summary, option=orjson.OPT_INDENT_2))
    else:
        show(summary, f"…{topic_suffix}" if topic_suffix is not None else files)
        show_failures(failures.kinds())
        if "comparison" in summary:
            show_comparison(summary["comparison"])
        if report is not None:
            typer.echo(f"\nThe report is in {report}.")
    dead = sum(summary["dead_letters"].values())
    if dead and strict:
        refuse(f"{dead:,} dead letters (--strict)", FOUND_SOMETHING_WRONG)


def _logs_or_refuse(sources: list[str], out: Path | None) -> list[LogFile]:
    from worker.streams.logs import UnreadableLogError, find_logs

    try:
        return find_logs(sources, out)
    except UnreadableLogError as error:
        refuse(str(error))


def _replayed_or_refuse(job: Replay, failures: Failures, progress: bool | None) -> dict[str, Any]:  # noqa: FBT001 - a flag's value
    """Return the summary of the run; whatever ends it early ends the command."""
    import asyncio
    import sys
    from contextlib import redirect_stdout

    from worker.app.kafka_replay import WrongSuffixError
    from worker.app.replay import run_replay
    from worker.cli.failures import show_failures
    from worker.cli.progress import ReplayProgress
    from worker.replay import StoppedError
    from worker.stores.truth import TruthUnavailableError
    from worker.streams.kafka.cluster import ClusterError
    from worker.streams.line_file import UnwritableLinesError
    from worker.streams.logs import UnreadableLogError
    from worker.streams.output_folder import OutputFolderError

    left = "nothing was written" if job.suffix is None else "what was sent until then stands"
    try:
        # What handlers print goes to stderr: stdout is for the result.
        with ReplayProgress(job.logs, wanted=progress) as shown, redirect_stdout(sys.stderr):
            return asyncio.run(run_replay(job, shown))
    except (OutputFolderError, UnwritableLinesError, WrongSuffixError, ClusterError, TruthUnavailableError) as error:
        refuse(str(error))
    except StoppedError as error:
        show_failures(failures.kinds(), stderr=True)
        refuse(f"{error}; {left}", FOUND_SOMETHING_WRONG)
    except UnreadableLogError as error:
        refuse(f"{error}; {left}", FOUND_SOMETHING_WRONG)
    except KeyboardInterrupt:
        refuse(f"interrupted; {'earlier outputs stand as they were' if job.suffix is None else left}", INTERRUPTED)


def _topic(sources: list[str], since: str | None, until: str | None) -> Topic | None:
    """Return the topic that is to be replayed, None if logs are."""
    import re

    from worker.app.kafka_replay import Topic

    named = [source for source in sources if source.startswith("kafka:")]
    if not named:
        return None
    if len(sources) > 1:
        refuse(f"{named[0]} is one of {len(sources)} sources, expected a topic alone")
    found = re.fullmatch(r"kafka://([A-Za-z0-9._-]{1,249})", named[0])
    if found is None:
        refuse(f"SOURCE is {named[0]!r}, expected kafka://TOPIC")
    window = _window(since, until)
    moments = (None, None) if window is None else (window.since, window.until)
    since_ms, until_ms = (None if each is None else round(each.timestamp() * 1000) for each in moments)
    return Topic(found[1], since_ms, until_ms)


def _given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _check_suffix(suffix: str, topic: Topic | None, *, dry_run: bool, out_given: bool) -> None:
    """Refuse a suffix that would do nothing, or harm."""
    import re

    if topic is None:
        refuse("--topic-suffix goes with a topic, expected SOURCE kafka://TOPIC")
    if dry_run or out_given:
        refuse(f"--topic-suffix and {'--dry-run' if dry_run else '--out'} don't go together")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", suffix):
        refuse(
            f"--topic-suffix is {suffix!r}, expected letters, digits, dots, dashes: the live topics are never written"
        )


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
