"""`forget`: erase people on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.options import FOUND_SOMETHING_WRONG, INTERRUPTED, Config, Json, Log, LogLevel, refuse
from worker.cli.session import settings_or_refuse

if TYPE_CHECKING:
    from worker.app.forgetting import Phase, Receipt
    from worker.experiments.subjects import SubjectType

_AGAIN = "ask for it again: what was done is not harmed"


def forget(
    user_ids: Annotated[
        list[str] | None, typer.Option("--user-id", metavar="ID", help="A user id; may be given again.")
    ] = None,
    emails: Annotated[
        list[str] | None, typer.Option("--email", metavar="ADDRESS", help="An e-mail address; may be given again.")
    ] = None,
    phones: Annotated[
        list[str] | None, typer.Option("--phone", metavar="NUMBER", help="A phone number; may be given again.")
    ] = None,
    usernames: Annotated[
        list[str] | None, typer.Option("--username", metavar="NAME", help="A user name; may be given again.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(metavar="ID", help="The tenant they belong to.")] = None,
    config: Config = None,
    log_level: Log = LogLevel.WARNING,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    json: Json = False,
) -> None:
    """Erase people: from the store, from the assignments topic, and from every restore to come.

    Give every name of a person, and the tenant if events carry one: records are kept by the hash of both. Workers may
    go on; who comes again afterwards is somebody new. It takes a while, as what workers have claimed before must be
    published first. Events, exposures, commands, enrollments and dead letters stay on their topics until their
    retention ends: the receipt names them.

    Example: `experiment-worker forget --user-id "auth0|5f7c" --email ada@example.com --tenant acme`
    """
    import asyncio
    import sys

    from worker.app.forgetting import Forgetting
    from worker.app.forgetting import forget as erase
    from worker.stores.redis_errors import StoreRefusedError, StoreUnavailableError
    from worker.streams.kafka.cluster import ClusterError

    names = _names(user_ids or [], emails or [], [*(phones or []), *(usernames or [])])
    settings = settings_or_refuse(config, log_level).settings
    if settings.subjects.pepper is None:
        refuse("subjects.pepper is not set, expected the live one: WORKER_SUBJECTS__PEPPER in the environment")
    if not yes:
        if not sys.stdin.isatty():
            refuse("nobody can be asked here: expected --yes")
        typer.confirm(f"Erase {len(names)} {_plural(len(names))} for good?", abort=True, err=True)
    try:
        receipt = asyncio.run(erase(Forgetting(settings, names, tenant or None), _tell))
    except (StoreRefusedError, StoreUnavailableError) as error:
        refuse(f"{error}; {_AGAIN}")
    except ClusterError as error:
        refuse(f"{error}; {_AGAIN}", FOUND_SOMETHING_WRONG if "no such topic" not in str(error) else 2)
    except KeyboardInterrupt:
        refuse(f"interrupted; {_AGAIN}", INTERRUPTED)
    _show(receipt, json=json)


def _names(user_ids: list[str], emails: list[str], others: list[str]) -> list[tuple[SubjectType, str]]:
    from worker.experiments.subjects import normalise_email

    found: list[tuple[SubjectType, str]] = [("user", each) for each in user_ids]
    found += [("identifier", normalise_email(each)) for each in emails]
    found += [("identifier", each) for each in others]
    if not found:
        refuse("expected whom to erase: --user-id, --email, --phone, --username")
    if any(not value.strip() for _, value in found):
        refuse("an empty name is nobody's, expected the name that events carry")
    return found


def _plural(count: int) -> str:
    return "name" if count == 1 else "names"


_PHASES: dict[Phase, str] = {
    "store": "erasing from the store",
    "waiting": "waiting for what was claimed before",
    "assignments": "looking through the assignments topic",
    "erasures": "writing tombstones",
    "store again": "erasing from the store again",
}


def _tell(phase: Phase) -> None:
    import sys

    if sys.stderr.isatty():
        typer.echo(f"{_PHASES[phase]} …", err=True)


def _show(receipt: Receipt, *, json: bool) -> None:
    import msgspec

    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(receipt), indent=2).decode())
        return
    for each in receipt.subjects:
        typer.echo(
            f"{each.subject_type:10} {each.subject[:16]}…  {each.store_records} records of the store,"
            f" {each.tombstones} of {receipt.assignments_topic}"
        )
    if not any(each.store_records or each.tombstones for each in receipt.subjects):
        tenant = "another --tenant" if receipt.tenant_id else "--tenant"
        typer.echo(f"Nothing of them was found: do their events carry {tenant}, or other names?")
    typer.echo(f"Written down in {receipt.erasures_topic}: no restore brings them back.")
    typer.echo("Not erased, as a topic can't be edited:")
    for topic, holds in receipt.not_erased.items():
        typer.echo(f"  {topic}: {holds}")
