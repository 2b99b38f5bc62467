"""`webhooks`: look at endpoints, try them, disable and enable them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.options import FOUND_SOMETHING_WRONG, Config, Json, Log, LogLevel, refuse
from worker.cli.session import settings_or_refuse

if TYPE_CHECKING:
    from worker.settings import Settings, WebhookEndpoint

app = typer.Typer(help="Look at the endpoints of webhooks, try them, disable or enable them.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The endpoint: a name of webhooks.endpoints.")]


@app.command("list")
def list_(config: Config = None, log_level: Log = LogLevel.WARNING, *, json: Json = False) -> None:
    """List the endpoints: where they are, whether they are signed, and which are disabled, since when and why.

    Example: `experiment-worker webhooks list`
    """
    import asyncio

    from worker.app.endpoints import read_states
    from worker.report.masking import mask_endpoint
    from worker.streams.kafka.cluster import ClusterError

    settings = settings_or_refuse(config, log_level).settings
    try:
        states = asyncio.run(read_states(settings))
    except ClusterError as error:
        refuse(str(error))
    rows: list[dict[str, Any]] = []
    for name, endpoint in settings.webhooks.endpoints.items():
        state = states.pop(name, None)
        rows.append(
            {
                "endpoint": name,
                "url": mask_endpoint(endpoint.url.get_secret_value()),
                "signed": signed(endpoint),
                "state": "enabled" if state is None else state.state,
                "since": None if state is None else state.changed_at,
                "reason": None if state is None else state.reason,
            }
        )
    rows += [
        {
            "endpoint": mask_endpoint(name),
            "url": None,
            "signed": None,
            "state": state.state,
            "since": state.changed_at,
            "reason": state.reason,
        }
        for name, state in states.items()
        if state.state == "disabled"
    ]
    _show(rows, json=json)


@app.command()
def enable(name: Name, config: Config = None, log_level: Log = LogLevel.WARNING) -> None:
    """Let deliverers send to an endpoint again; what waited for it goes out within some minutes.

    Example: `experiment-worker webhooks enable welcome`
    """
    _write(settings_or_refuse(config, log_level).settings, name, disabled=False, reason="enabled by command")
    typer.echo(f"{name} is enabled")


@app.command()
def disable(
    name: Name,
    config: Config = None,
    log_level: Log = LogLevel.WARNING,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for who looks at it later.")] = "by command",
) -> None:
    """Let no deliverer send to an endpoint; enrollments wait until it is enabled, none is lost or given up.

    Example: `experiment-worker webhooks disable welcome --reason maintenance`
    """
    _write(settings_or_refuse(config, log_level).settings, name, disabled=True, reason=reason)
    typer.echo(f"{name} is disabled")


@app.command("test")
def try_(
    name: Name,
    config: Config = None,
    log_level: Log = LogLevel.WARNING,
    payload: Annotated[
        str | None, typer.Option(metavar="JSON", help="The body to send.", show_default="a sample of an enrollment")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Send a signed sample to an endpoint, once, and show the answer. Exit 1 unless it is 2xx.

    Example: `experiment-worker webhooks test welcome`
    """
    import asyncio

    import orjson

    from worker.app.endpoints import endpoints_of, try_endpoint

    settings = settings_or_refuse(config, log_level).settings
    endpoint = endpoints_of(settings).named.get(name)
    if endpoint is None:
        refuse(_unknown(settings, name))
    body = _SAMPLE if payload is None else payload.encode()
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        refuse(f"--payload is no JSON: {error}")
    answer, id_ = asyncio.run(try_endpoint(settings, endpoint, body))
    document = {
        "endpoint": name,
        "webhook_id": id_,
        "outcome": answer.outcome,
        "status": answer.status,
        "seconds": round(answer.seconds, 3),
        "body": answer.body.decode(errors="replace"),
    }
    if json:
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    else:
        status = "no answer" if answer.status is None else f"HTTP {answer.status}"
        typer.echo(f"{name}: {answer.outcome} ({status}, {answer.seconds:.3f} s), webhook-id {id_}")
        if answer.body:
            typer.echo(document["body"])
    if answer.outcome != "delivered":
        raise typer.Exit(FOUND_SOMETHING_WRONG)


_SAMPLE = (
    b'{"user_id":"auth0|sample","email":"sample@example.com","experiment_id":"exp_sample","variation_id":"var_sample"}'
)


def signed(endpoint: WebhookEndpoint) -> str:
    """Say how an endpoint's deliveries are signed."""
    match len(endpoint.secrets):
        case 0:
            return "unsigned"
        case 1:
            return "signed"
        case count:
            return f"signed with {count} secrets"


def _unknown(settings: Settings, name: str) -> str:
    known = ", ".join(settings.webhooks.endpoints) or "none is configured"
    return f"no endpoint {name!r}, expected one of webhooks.endpoints: {known}"


def _write(settings: Settings, name: str, *, disabled: bool, reason: str) -> None:
    import asyncio

    from worker.app.endpoints import write_state
    from worker.streams.kafka.cluster import ClusterError

    if name not in settings.webhooks.endpoints and "://" not in name:
        refuse(_unknown(settings, name))
    try:
        asyncio.run(write_state(settings, name, "disabled" if disabled else "enabled", reason))
    except ClusterError as error:
        refuse(str(error))


def _show(rows: list[dict[str, Any]], *, json: bool) -> None:
    import orjson
    from rich.console import Console
    from rich.table import Table

    if json:
        typer.echo(orjson.dumps({"endpoints": rows}, option=orjson.OPT_INDENT_2))
        return
    if not rows:
        typer.echo("No endpoints: webhooks.endpoints.<name>.url sets one.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("endpoint", "url", "signed", "state", "since", "reason"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console().print(table)
