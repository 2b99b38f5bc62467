"""Everything that the settings name, looked at in order: each check says what was tried, what was found, what to do.

Where a check fails, those that need what it looked at are skipped. Nothing is changed; the transaction that is tried
writes no record.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Literal

import msgspec
from aiokafka.errors import InvalidTransactionTimeout, KafkaError

from worker.app.kafka_access import connection_of, producers_of
from worker.app.loading import MissingDefinitionsError, handlers, load_definitions
from worker.app.redis_access import fingerprint_of, layout_of, redis_of
from worker.app.rights import deliverer_rights, user_of, worker_rights
from worker.app.topics import check_topics
from worker.handlers.load import HandlersNotLoadedError
from worker.settings import Settings
from worker.stores.redis_client import Client
from worker.stores.redis_errors import StoreRefusedError, StoreUnavailableError, explained
from worker.stores.redis_server import check_facts, check_fingerprint, facts, stored_peppers
from worker.stores.redis_urls import is_cluster
from worker.streams.kafka.cluster import ClusterError, describe_error
from worker.streams.kafka.diagnosis import steps_to
from worker.streams.kafka.rehearsal import rehearse
from worker.streams.kafka.rights import Right, hidden_topics, lacking_rights

Status = Literal["ok", "warning", "error", "skipped"]
_SKEW_S = 2.0
_STEPS = {
    "dns": "resolve the broker's name",
    "tcp": "connect to the broker",
    "tls": "agree on TLS with the broker",
    "login": "log in and ask for the cluster",
}


class Check(msgspec.Struct, frozen=True):
    """One check: `tried` what, `found` what; `advice` is what to do, unless all is well."""

    name: str
    tried: str
    status: Status
    found: str
    advice: str = ""


async def examine(settings: Settings) -> AsyncGenerator[Check, None]:
    """Yield the checks as they are made."""
    for check in _own(settings):
        yield check
    async with aclosing(_kafka(settings)) as checks:
        async for check in checks:
            yield check
    async with aclosing(_redis(settings)) as checks:
        async for check in checks:
            yield check


def _own(settings: Settings) -> list[Check]:
    """Check what needs no server."""
    return [_pepper(settings), _definitions(settings), _handlers(settings)]


def _pepper(settings: Settings) -> Check:
    tried = "look for the key of all subjects"
    if settings.subjects.pepper is None:
        return Check("pepper", tried, "error", "subjects.pepper is not set", "Set WORKER_SUBJECTS__PEPPER to a secret.")
    return Check("pepper", tried, "ok", f"fingerprint {fingerprint_of(settings)}")


def _definitions(settings: Settings) -> Check:
    path = settings.definitions.path
    tried = f"load definitions.path = {path}"
    if path is None:
        return Check(
            "definitions", tried, "error", "no path is set", "Set definitions.path: `new definitions` writes some."
        )
    try:
        loaded = load_definitions([path])
    except MissingDefinitionsError as error:
        return Check("definitions", tried, "error", str(error), "Name a file or a folder that is there.")
    if loaded.snapshot is None:
        return Check("definitions", tried, "error", f"{len(loaded.findings)} findings", f"See `validate {path}`.")
    experiments = sum(len(tenant.experiments) for tenant in loaded.snapshot.tenants.values())
    return Check("definitions", tried, "ok", f"{experiments} experiments, revision {loaded.snapshot.revision}")


def _handlers(settings: Settings) -> Check:
    tried = f"load handlers = {', '.join(settings.handlers) or '(none)'}"
    try:
        handlers(settings)
    except HandlersNotLoadedError as error:
        return Check("handlers", tried, "error", str(error), "Mend or name the module; `validate` shows more.")
    return Check("handlers", tried, "ok", f"{len(settings.handlers)} loaded")


async def _kafka(settings: Settings) -> AsyncGenerator[Check, None]:
    try:
        connection = connection_of(settings)
        options = connection.options()
    except ClusterError as error:
        yield Check("kafka tls", "read the files for TLS", "error", str(error), "Mend the setting.")
        return
    reached = False
    async with aclosing(steps_to(options, connection.security)) as steps:
        async for step in steps:
            status: Status = "error" if step.problem else "ok"
            advice = "Mend what the message names, or the way to it." if step.problem else ""
            tried = f"{_STEPS[step.name]} {step.place}"
            yield Check(f"kafka {step.name}", tried, status, step.problem or step.found, advice)
            reached |= step.name == "login" and not step.problem
    if not reached:
        yield _skipped("kafka topics, rights, transactions", "no broker can be asked")
        return
    well = True
    for examine_cluster in (_rights, _topics):
        try:
            checks = await examine_cluster(settings)
        except ClusterError as error:
            checks = [Check("kafka", "ask the cluster", "error", str(error), "Mend what the message names.")]
        well &= not any(check.status == "error" for check in checks)
        for check in checks:
            yield check
    yield await _transaction(settings) if well else _skipped("kafka transactions", "rights or topics are missing")


async def _rights(settings: Settings) -> list[Check]:
    wanted = worker_rights(settings)
    if settings.webhooks.endpoints:
        wanted = list(dict.fromkeys([*wanted, *deliverer_rights(settings)]))
    tried = f"ask what {user_of(settings)} may do"
    lacking = await lacking_rights(connection_of(settings), wanted)
    if not lacking:
        return [Check("kafka rights", tried, "ok", f"all {len(wanted)} that are needed")]
    return [Check("kafka rights", tried, "error", f"missing: {right}", _acl(right)) for right in lacking]


def _acl(right: Right) -> str:
    resource = right.kind.replace(" ", "-")
    prefixed = " --resource-pattern-type prefixed" if right.kind == "transactional id" else ""
    return (
        f"kafka-acls --add --allow-principal User:… --operation {right.operation} --{resource} {right.name}{prefixed}"
    )


async def _topics(settings: Settings) -> list[Check]:
    checked = await check_topics(settings)
    tried = "compare the topics with the settings"
    unknown = [need.name for need in checked.needs if need.name not in checked.states]
    hidden = await hidden_topics(connection_of(settings), unknown) if unknown else []
    found = []
    if missing := [name for name in unknown if name not in hidden]:
        text = f"{len(missing)} are missing: {', '.join(missing)}"
        found = [Check("kafka topics", tried, "error", text, "experiment-worker topics create")]
    if hidden:
        found.append(_skipped("kafka topics", f"this user may not see {', '.join(hidden)}"))
    found += [
        Check("kafka topics", tried, each.severity, f"{each.topic}: {each.message}", "See `topics check`.")
        for each in checked.findings
        if each.topic not in unknown
    ]
    return found or [Check("kafka topics", tried, "ok", f"all {len(checked.needs)} are as they must be")]


async def _transaction(settings: Settings) -> Check:
    kafka = settings.kafka
    name = f"{kafka.group_id}.doctor"
    tried = f"begin and abort a transaction as {name}"
    producers = producers_of(settings)
    try:
        found = await rehearse(producers, name, settings.topics.exposures)
    except InvalidTransactionTimeout:
        advice = "Lower it, or raise the brokers' transaction.max.timeout.ms."
        found_ms = f"kafka.transaction_timeout_ms = {kafka.transaction_timeout_ms}: more than the brokers allow"
        return Check("kafka transactions", tried, "error", found_ms, advice)
    except (KafkaError, TimeoutError) as error:
        text = describe_error(error) if isinstance(error, KafkaError) else "no answer in time"
        return Check("kafka transactions", tried, "error", text, "Look at the brokers' __transaction_state topic.")
    finally:
        await producers.aclose()
    if found.ahead_s is None:
        return Check("kafka transactions", tried, "ok", "one was begun and aborted; the broker does not tell its time")
    skew = _skew(found.ahead_s, found.give_or_take_s)
    text = f"one was begun and aborted; the broker: {skew.found}"
    return Check("kafka transactions", tried, "warning" if skew.advice else "ok", text, skew.advice)


async def _redis(settings: Settings) -> AsyncGenerator[Check, None]:
    tried = "connect, log in and ask the server about itself"
    try:
        async with redis_of(settings) as client:
            servers = await facts(client)
            told = [f"Redis {found['redis_version']}, {found.get('role', 'no role')}" for found in servers.values()]
            named = [f"{server}: {text}" for server, text in zip(servers, told, strict=True)]
            clustered = is_cluster(client.url)
            yield Check("redis", tried, "ok", "; ".join(named if clustered else told))
            for server, found in servers.items():
                for check in (_server(found, server, clustered=clustered), _persistence(found)):
                    yield _of(server, check) if clustered else check
            async for server, check in _clocks(client):
                yield _of(server, check) if clustered else check
            if not clustered and any(found.get("cluster_enabled") == "1" for found in servers.values()):
                yield _skipped("redis keys", "a node answers for its own keys only")
            else:
                yield await _keys(settings, client)
    except (StoreUnavailableError, StoreRefusedError) as error:
        yield Check("redis", tried, "error", str(error), "Mend what the message names, or start the server.")
        yield _skipped("redis server, persistence, clock, keys", "the server can't be asked")


def _of(server: str, check: Check) -> Check:
    return msgspec.structs.replace(check, found=f"{server}: {check.found}") if server not in check.found else check


def _server(found: dict[str, str], server: str, *, clustered: bool) -> Check:
    tried = "compare version, role and eviction with what assignments need"
    try:
        check_facts(found, server, clustered=clustered)
    except StoreRefusedError as error:
        return Check("redis server", tried, "error", str(error), "Mend the server, or name another one.")
    return Check("redis server", tried, "ok", "a primary that never drops a key")


def _persistence(found: dict[str, str]) -> Check:
    tried = "look whether the server keeps what it is told"
    if found.get("aof_enabled") == "1":
        return Check("redis persistence", tried, "ok", "an append-only file")
    return Check(
        "redis persistence",
        tried,
        "warning",
        "no append-only file: after a restart all workers wait for a rebuild from the assignments topic",
        "Set `appendonly yes`.",
    )


async def _clocks(client: Client) -> AsyncGenerator[tuple[str, Check], None]:
    before = time.time()
    with explained(client.url):
        told = await client.ask_servers("TIME")
    after = time.time()
    tried = "compare the server's clock with this one"
    for server, (seconds, microseconds) in told.items():
        skew = _skew(int(seconds) + int(microseconds) / 1e6 - (before + after) / 2, (after - before) / 2)
        yield server, Check("redis clock", tried, "warning" if skew.advice else "ok", skew.found, skew.advice)


async def _keys(settings: Settings, client: Client) -> Check:
    layout = layout_of(settings)
    tried = f"compare the pepper with that of the keys under {layout.prefix}"
    if settings.subjects.pepper is None:
        return _skipped("redis keys", "subjects.pepper is not set")
    stored = await stored_peppers(client, layout)
    try:
        check_fingerprint(layout, stored, fingerprint_of(settings))
    except StoreRefusedError as error:
        return Check("redis keys", tried, "error", str(error), "Set the pepper that made them, or another prefix.")
    return Check("redis keys", tried, "ok", "made with this pepper" if stored else "no keys yet")


class _Skew(msgspec.Struct, frozen=True):
    found: str
    advice: str


def _skew(ahead_s: float, give_or_take_s: float) -> _Skew:
    direction = "ahead of" if ahead_s >= 0 else "behind"
    found = f"its clock is {abs(ahead_s):.2f} s {direction} this one (± {give_or_take_s:.2f} s)"
    too_much = abs(ahead_s) - give_or_take_s > _SKEW_S
    return _Skew(found, "Let both take their time from NTP." if too_much else "")


def _skipped(name: str, why: str) -> Check:
    return Check(name, "not tried", "skipped", why)


def findings(checks: Sequence[Check]) -> int:
    """Return how many checks found something."""
    return sum(check.status in {"warning", "error"} for check in checks)
