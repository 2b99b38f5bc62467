"""A primary that Sentinels tell, and servers that speak TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme

from deploy.dev.servers import Redis, Sentinel, free_port
from tests.conftest import REFUSED_UNDER_TLS
from tests.stores.redis_stores import USER, Telemetry, connect, hold
from tests.stores.truths import Log
from worker.stores.redis_connections import Connections
from worker.stores.redis_errors import StoreRefusedError, StoreUnavailableError
from worker.stores.redis_urls import parse

pytestmark = REFUSED_UNDER_TLS


class Watched(NamedTuple):
    """A primary, its replica, and the Sentinel that watches them."""

    primary: Redis
    replica: Redis
    sentinel: Sentinel

    def url(self, *before: int) -> str:
        """The Sentinel, after those ports."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in (*before, self.sentinel.port))
        return f"redis+sentinel://{hosts}/people/0"


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    primary = Redis(tmp_path / "primary")
    replica = Redis(tmp_path / "replica", None, "--replicaof", f"127.0.0.1 {primary.port}")
    sentinel = Sentinel(tmp_path / "sentinel", "people", primary.port)
    servers = [primary, replica, sentinel]
    for server in servers:
        await asyncio.to_thread(server.start)
    async with aclosing(Connections(f"redis://127.0.0.1:{sentinel.port}", timeout=10)) as asked:
        async with asyncio.timeout(60):
            known = "SENTINEL", "REPLICAS", "people"
            while not (b"slave0:" in await replicas(primary) and await asked.call(*known)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    yield Watched(primary, replica, sentinel)
    for server in servers:
        await asyncio.to_thread(server.stop)


async def replicas(primary: Redis) -> bytes:
    async with aclosing(Connections(primary.url, timeout=10)) as client:
        found: bytes = await client.call("INFO", "replication")
    return found


async def test_a_fail_over_is_followed_and_nobody_changes_variation(watched: Watched, prefix: str) -> None:
    truth, telemetry = Log(), Telemetry()
    given: dict[str, Any] = {"prefix": prefix, "truth": truth, "telemetry": telemetry, "cache_records": 0}
    async with aclosing(await connect(watched.url(), **given, timeout_ms=1000)) as store:
        first = await hold(store, "evt_1", USER, draw="a")
        truth.publish(USER, first.assignment)
        await asyncio.to_thread(watched.primary.kill)
        async with asyncio.timeout(120):
            again = await hold(store, "evt_2", USER, draw="b")
            assert again.assignment == first.assignment
            assert (await hold(store, "evt_3", "user:new", draw="b")).assignment.event_id == "evt_3"
    assert telemetry.waits[0]
    assert not telemetry.waits[-1]
    assert b"role:master" in await replicas(watched.replica)


async def test_sentinels_that_do_not_answer_are_passed_over(watched: Watched, prefix: str) -> None:
    async with aclosing(await connect(watched.url(free_port(), free_port()), prefix=prefix)) as store:
        assert (await hold(store, "evt_1", USER)).assignment.event_id == "evt_1"


async def test_a_service_that_no_sentinel_knows_is_named(watched: Watched) -> None:
    with pytest.raises(StoreUnavailableError, match="knows no service others"):
        await connect(watched.url().replace("/people/", "/others/"))


async def test_sentinels_that_are_not_there_are_named_without_the_password() -> None:
    port = free_port()
    with pytest.raises(
        StoreUnavailableError, match=f"no Sentinel says where the primary is: 127.0.0.1:{port}"
    ) as caught:
        await connect(f"redis+sentinel://user:s3cret@127.0.0.1:{port}/people")
    assert "s3cret" not in str(caught.value)


def test_an_url_of_sentinels_is_read() -> None:
    found = parse(
        "rediss+sentinel://me:p%40ss@one,two:1,[::1]:2/people/3?sentinel_username=watch&sentinel_password=w"
        "&ssl_ca_certs=ca.pem"
    )
    assert found.sentinels == (("one", 26379), ("two", 1), ("::1", 2))
    assert found.service == "people"
    chosen = {"username": "me", "password": "p@ss", "db": 3, "ssl_ca_certs": "ca.pem"}
    assert {name: found.options[name] for name in chosen} == chosen
    theirs = {"username": "watch", "password": "w", "ssl_ca_certs": "ca.pem"}
    assert {name: found.sentinel_options[name] for name in theirs} == theirs
    assert "db" not in found.sentinel_options
    assert "host" not in found.options


@pytest.mark.parametrize("url", ["redis+sentinel://one:1", "redis+sentinel:///people", "http+sentinel://one/people"])
def test_an_url_of_sentinels_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(StoreRefusedError, match=r"expected redis://.* redis\+sentinel://host:port,host:port/service"):
        Connections(url, timeout=1)


class Encrypted(NamedTuple):
    """A server that speaks TLS at a port of its own."""

    port: int
    ca_file: Path


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[Encrypted]:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    ca, certificate, key = tmp_path / "ca.pem", tmp_path / "certificate.pem", tmp_path / "key.pem"
    authority.cert_pem.write_to_path(str(ca))
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    port = free_port()
    files = ["--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(ca)]
    server = Redis(tmp_path / "redis", None, "--tls-port", str(port), "--tls-auth-clients", "no", *files)
    server.start()
    yield Encrypted(port, ca)
    server.stop()


async def test_tls_with_a_certificate_that_is_believed(encrypted: Encrypted, prefix: str) -> None:
    url = f"rediss://127.0.0.1:{encrypted.port}/0?ssl_ca_certs={encrypted.ca_file}"
    async with aclosing(await connect(url, prefix=prefix)) as store:
        assert (await hold(store, "evt_1", USER)).assignment.event_id == "evt_1"


@pytest.mark.parametrize(
    ("host", "believed", "found"), [("127.0.0.1", False, "certificate verify failed"), ("localhost", True, "localhost")]
)
async def test_a_certificate_that_is_not_believed_is_told(
    encrypted: Encrypted, host: str, found: str, *, believed: bool
) -> None:
    url = f"rediss://{host}:{encrypted.port}/0" + (f"?ssl_ca_certs={encrypted.ca_file}" if believed else "")
    with pytest.raises(StoreUnavailableError, match=found):
        await connect(url)
