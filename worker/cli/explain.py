"""`explain`: why a subject gets what it gets."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.new import Trigger
from worker.cli.options import FOUND_SOMETHING_WRONG, Config, DefinitionsPath, Json, Log, LogLevel, refuse
from worker.cli.session import settings_or_refuse, snapshot_or_refuse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.experiments.explain import Explanation
    from worker.settings import Settings
    from worker.trigger import Trigger as Event

_ID = "explain"  # of an event that is made from flags: no record was created by it


class Store(StrEnum):
    """Which records decide."""

    MEMORY = "memory"
    REDIS = "redis"


def explain(
    event: Annotated[
        str | None,
        typer.Option("--event", metavar="FILE", help="An event, or a log with one a line; - is stdin."),
    ] = None,
    line: Annotated[int | None, typer.Option(metavar="N", min=1, help="Explain only line N of the file.")] = None,
    user_id: Annotated[str | None, typer.Option(help="Instead of an event: who it is.")] = None,
    email: Annotated[str | None, typer.Option(help="An e-mail address.")] = None,
    phone: Annotated[str | None, typer.Option(help="A phone number.")] = None,
    username: Annotated[str | None, typer.Option(help="A user name.")] = None,
    tenant: Annotated[str | None, typer.Option(help="The tenant's id.")] = None,
    trigger: Annotated[Trigger, typer.Option(help="What happens.")] = Trigger.POST_LOGIN,
    members: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Set a member of the event: request.geoip.countryCode=BR."),
    ] = None,
    store: Annotated[
        Store, typer.Option(help="Whose records decide: an empty memory, or the live ones in Redis (read only).")
    ] = Store.MEMORY,
    definitions: DefinitionsPath = None,
    config: Config = None,
    log_level: Log = LogLevel.WARNING,
    *,
    json: Json = False,
) -> None:
    """Show why a subject gets what it gets: every step of the decision with its numbers. Nothing is written.

    The arrow marks the step that decides. Names are masked; the hex beside them is the subject as records carry it.

    Examples: `experiment-worker explain --event event.json --definitions definitions/`

    `experiment-worker explain --email ada@example.com --set client.client_id=shop --store redis`
    """
    import asyncio

    from worker.stores.redis_errors import StoreRefusedError, StoreUnavailableError

    names = {"user_id": user_id, "email": email, "phone_number": phone, "username": username}
    if (event is None) is not any(names.values()) and not members:
        refuse("expected either --event FILE, or whom to explain: --user-id, --email, --phone, --username")
    settings = settings_or_refuse(config, log_level, {("definitions", "path"): (definitions, "--definitions")}).settings
    snapshot = snapshot_or_refuse(settings)
    triggers = _from_file(event, line) if event is not None else [_made(trigger, tenant, names, members or [])]

    async def explained() -> list[Explanation]:
        from worker.app.explain import explainer

        async with explainer(settings, snapshot, _pepper(settings, store), store.value) as opened:
            return [await opened.explain(each) for each in triggers]

    try:
        found = asyncio.run(explained())
    except (StoreRefusedError, StoreUnavailableError) as error:
        refuse(str(error))
    if json:
        _show_json(found)
    else:
        _show(found, store, settings)


def _show_json(found: Sequence[Explanation]) -> None:
    import msgspec

    documents = [msgspec.to_builtins(each) for each in found]
    text = msgspec.json.format(msgspec.json.encode({"explanations": documents}), indent=2)
    typer.echo(text.decode())


def _show(found: Sequence[Explanation], store: Store, settings: Settings) -> None:
    from worker.cli.explain_text import show

    looked_into = "an empty store" if store is Store.MEMORY else f"Redis, {settings.redis.key_prefix}"
    for number, each in enumerate(found):
        if number:
            typer.echo()
        show(each, looked_into)


def _pepper(settings: Settings, store: Store) -> bytes:
    from worker.app.replay import REPLAY_PEPPER

    if settings.subjects.pepper is not None:
        return settings.subjects.pepper.get_secret_value().encode()
    if store is Store.REDIS:
        refuse("subjects.pepper is not set, expected the live one: WORKER_SUBJECTS__PEPPER in the environment")
    return REPLAY_PEPPER.encode()


def _from_file(file: str, line: int | None) -> list[Event]:
    """Return the events of a file: one JSON document, or one in each line; bad ones end the command."""
    from worker.formats.decode import Limits
    from worker.formats.read import Read, read
    from worker.records import Record, Rejected

    found = []
    for number, raw in _documents(file):
        if line is not None and number != line:
            continue
        try:
            outcome = read(Record(raw, f"{file}/{number}"), Limits())
        except Rejected as error:
            refuse(f"{file}, line {number}: {error.reason}: {error.message}", FOUND_SOMETHING_WRONG)
        if isinstance(outcome, Read):
            found.append(outcome.trigger)
        elif line is not None:
            refuse(f"{file}, line {number}: the worker skips it ({outcome.kind})", FOUND_SOMETHING_WRONG)
    if not found:
        refuse(f"{file}: found no event" + (f" in line {line}" if line else ""), FOUND_SOMETHING_WRONG)
    return found


def _documents(file: str) -> list[tuple[int, bytes]]:
    import sys

    import orjson

    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        refuse(f"--event {file}: {error.strerror}, expected a file with events")
    try:
        whole = orjson.loads(content)
    except orjson.JSONDecodeError:
        return [(number, raw) for number, raw in enumerate(content.splitlines(), 1) if raw.strip()]
    return [(1, orjson.dumps(whole))]


def _made(trigger: Trigger, tenant: str | None, names: dict[str, str | None], members: Sequence[str]) -> Event:
    """Return the event that the flags describe."""
    import orjson

    from worker.formats.decode import Limits
    from worker.formats.read import Read, read
    from worker.records import Record, Rejected

    event: dict[str, Any] = {"user": {name: value for name, value in names.items() if value}}
    if tenant:
        event["tenant"] = {"id": tenant}
    for each in members:
        _set(event, each)
    document = {"id": _ID, "trigger": trigger.value, "event": event}
    try:
        found = read(Record(orjson.dumps(document), _ID), Limits())
    except Rejected as error:
        refuse(f"these flags make no event: {error.message}")
    assert isinstance(found, Read)  # noqa: S101 - a native event is no skip
    return found.trigger


def _set(event: dict[str, Any], assignment: str) -> None:
    """Set `PATH=VALUE`; a value that is no JSON is a text."""
    import orjson

    path, equals, text = assignment.partition("=")
    *parents, last = path.removeprefix("event.").split(".")
    if not equals or not all((*parents, last)):
        refuse(f"--set {assignment}: expected PATH=VALUE, like request.geoip.countryCode=BR")
    for name in parents:
        event = event.setdefault(name, {})
        if not isinstance(event, dict):
            refuse(f"--set {assignment}: {name} is no object")
    try:
        event[last] = orjson.loads(text)
    except orjson.JSONDecodeError:
        event[last] = text
