"""`restore`: rebuild the store from the assignments topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.options import FOUND_SOMETHING_WRONG, INTERRUPTED, Config, Json, Log, LogLevel, refuse
from worker.cli.session import Flags, settings_or_refuse

if TYPE_CHECKING:
    from worker.app.restoring import Restored


def restore(
    store_prefix: Annotated[
        str | None,
        typer.Option(
            metavar="PREFIX", help="What the keys begin with.", show_default="redis.key_prefix: the live store"
        ),
    ] = None,
    config: Config = None,
    log_level: Log = LogLevel.WARNING,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and count, write nothing.")] = False,
    progress: Annotated[
        bool | None, typer.Option("--progress/--no-progress", help="Show progress.", show_default="on a terminal")
    ] = None,
    json: Json = False,
) -> None:
    """Rebuild the store of sticky assignments from the assignments topic.

    Workers do this by themselves when the store has lost its data. By hand it fills another Redis or another prefix
    before it is needed. Of each record the highest version counts; nothing newer in the store is overwritten; who was
    erased with `forget` stays erased. Into the live prefix it waits first until what workers have claimed is published.

    Example: `experiment-worker restore --store-prefix xp-new --dry-run`
    """
    import asyncio

    from worker.app.restoring import BusyError, Restoring
    from worker.app.restoring import restore as rebuild
    from worker.cli.progress import OffsetsProgress
    from worker.stores.redis_errors import StoreRefusedError, StoreUnavailableError
    from worker.stores.redis_rebuild import LockLostError
    from worker.stores.truth import TruthUnavailableError

    flags: Flags = {("redis", "key_prefix"): (store_prefix, "--store-prefix")}
    live = settings_or_refuse(config, log_level).settings
    prefix = settings_or_refuse(config, log_level, flags).settings.redis.key_prefix
    if live.subjects.pepper is None and not dry_run:
        refuse("subjects.pepper is not set, expected the live one: WORKER_SUBJECTS__PEPPER in the environment")
    try:
        with OffsetsProgress("restoring", wanted=progress) as shown:
            restored = asyncio.run(rebuild(Restoring(live, prefix, dry_run), shown.of))
    except (StoreRefusedError, StoreUnavailableError, TruthUnavailableError) as error:
        refuse(str(error))
    except BusyError:
        refuse(f"somebody else rebuilds {prefix} now: wait until that is done", FOUND_SOMETHING_WRONG)
    except LockLostError:
        refuse("the server lost what was written, and perhaps more: start again", FOUND_SOMETHING_WRONG)
    except KeyboardInterrupt:
        refuse("interrupted; the store is not whole: start again", INTERRUPTED)
    _show(restored, json=json)


def _show(restored: Restored, *, json: bool) -> None:
    import msgspec

    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(restored), indent=2).decode())
        return
    typer.echo(f"{restored.entries:,} entries read")
    for experiment_id, count in sorted(restored.experiments.items()):
        typer.echo(f"  {experiment_id}: {count:,}")
    if restored.dry_run:
        typer.echo(f"Nothing was written to {restored.prefix} (--dry-run).")
    else:
        typer.echo(f"{restored.changed:,} records written to {restored.prefix}, {restored.erased:,} erased.")
