"""What the command says of itself: without arguments, and its version."""

from __future__ import annotations

import platform

import typer

_FIRST_STEPS = (
    (
        "simulate --events 20000 --out log.ndjson",
        "a realistic log: people who register and log in again and again",
    ),
    (
        "new definitions",
        "a first experiment, with comments, in definitions/",
    ),
    (
        "replay log.ndjson --definitions definitions",
        "who gets which variation: the outputs and a summary in out/",
    ),
)


def welcome() -> None:
    """Teach the first three commands."""
    typer.echo("Run A/B experiments on the stream of authentication events.\n")
    typer.echo("Try it here, without Kafka and Redis:\n")
    for command, meaning in _FIRST_STEPS:
        typer.secho(f"  experiment-worker {command}", bold=True)
        typer.echo(f"      {meaning}\n")
    typer.echo("Then `new handler` writes a handler and its tests; `run` is the worker on Kafka.")
    typer.echo("All commands: experiment-worker --help")


def version_line() -> str:
    """Return the name, the version and the Python it runs on."""
    from importlib.metadata import version

    return f"experiment-worker {version('experiment-worker')} (Python {platform.python_version()})"
