from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from deploy.dev.servers import Redis, free_port
from tests.stores.redis_stores import USER, connect, hold
from worker.stores.redis_connections import Connections
from worker.stores.redis_errors import StoreRefusedError, StoreUnavailableError
from worker.stores.redis_server import check, fingerprint

_GUIDE = Path(__file__).parents[2] / "docs" / "connecting.md"


async def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    port = free_port()
    with pytest.raises(
        StoreUnavailableError, match=rf"redis\.url redis://\*\*\*@127\.0\.0\.1:{port}/0: .*connection"
    ) as e:
        await connect(f"redis://user:s3cret@127.0.0.1:{port}/0?password=s3cret")
    assert "s3cret" not in str(e.value)


async def test_a_server_that_takes_no_writes_now_is_unavailable(own_redis: Redis, admin: Connections) -> None:
    await admin.call("CONFIG", "SET", "maxmemory", "100kb")
    with pytest.raises(StoreUnavailableError, match=r"can't be asked \(out_of_memory"):
        await connect(own_redis.url)


@pytest.mark.parametrize("url", ["http://u:s3cret@h/", "redis", "redis://u:s3cret@h:s3cret/0"])
async def test_an_url_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(StoreRefusedError, match=r"expected redis://host:port/database") as raised:
        await connect(url)
    assert "u:s3cret" not in str(raised.value)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "volatile-lru", "allkeys-random"])
async def test_a_policy_that_drops_keys_is_refused(own_redis: Redis, admin: Connections, policy: str) -> None:
    await admin.call("CONFIG", "SET", "maxmemory-policy", policy)
    with pytest.raises(StoreRefusedError, match=f"found maxmemory-policy {policy}, expected noeviction") as raised:
        await connect(own_redis.url)
    assert "CONFIG SET maxmemory-policy noeviction" in str(raised.value)


async def test_a_replica_is_refused(own_redis: Redis, admin: Connections) -> None:
    await admin.call("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(StoreRefusedError, match="found a replica"):
        await connect(own_redis.url)


async def test_a_node_of_a_cluster_is_refused(tmp_path: Path) -> None:
    server = Redis(tmp_path, None, "--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    server.start()
    try:
        with pytest.raises(StoreRefusedError, match=r"found a node of a Redis Cluster, expected redis\+cluster://"):
            await connect(server.url)
    finally:
        server.stop()


class OldServer(Connections):
    async def call(self, *command: str | bytes | int) -> Any:
        assert command == ("INFO",)
        return b"# Server\r\nredis_version:6.0.16\r\nrole:master\r\nmaxmemory_policy:noeviction\r\n"


async def test_an_old_server_is_refused() -> None:
    with pytest.raises(StoreRefusedError, match=r"found Redis 6\.0\.16, expected 6\.2"):
        await check(OldServer("redis://127.0.0.1", 1))


async def test_a_missing_password_is_refused(own_redis: Redis, admin: Connections) -> None:
    await admin.call("CONFIG", "SET", "requirepass", "s3cret")
    with pytest.raises(StoreRefusedError, match=r"redis\.url needs a user and password that the server knows"):
        await connect(own_redis.url)


async def test_a_wrong_password_is_refused_and_not_shown(own_redis: Redis, admin: Connections) -> None:
    await admin.call("CONFIG", "SET", "requirepass", "s3cret")
    with pytest.raises(
        StoreRefusedError, match=r"redis\.url needs a user and password that the server knows"
    ) as raised:
        await connect(f"redis://:wr0ng@127.0.0.1:{own_redis.port}/0")
    assert "wr0ng" not in str(raised.value)


async def test_the_user_of_the_guide_has_enough_rights_and_the_message_names_them(
    own_redis: Redis, admin: Connections, prefix: str
) -> None:
    [line] = [line for line in _GUIDE.read_text().splitlines() if line.startswith("ACL SETUSER ")]
    line = line.replace("experiment-worker", "worker").replace("PASSWORD", "pw").replace("~xp:*", f"~{prefix}:*")
    await admin.call(*line.split())
    url = f"redis://worker:pw@127.0.0.1:{own_redis.port}/0"
    async with aclosing(await connect(url, prefix=prefix)) as store:
        assert (await hold(store, "evt_1", USER)).assignment.event_id == "evt_1"
    with pytest.raises(StoreRefusedError, match=r"on the keys of redis\.key_prefix") as caught:
        await connect(url, prefix="other")
    commands = [word.removeprefix("+").upper() for word in line.split() if word.startswith("+")]
    assert all(command in str(caught.value) for command in commands)


async def test_another_pepper_is_refused(redis: Redis, prefix: str) -> None:
    await (await connect(redis.url, prefix=prefix, pepper=fingerprint(b"one"))).aclose()
    await (await connect(redis.url, prefix=prefix, pepper=fingerprint(b"one"))).aclose()
    with pytest.raises(StoreRefusedError, match=r"subjects\.pepper: .*another pepper.*redis\.key_prefix"):
        await connect(redis.url, prefix=prefix, pepper=fingerprint(b"two"))


def test_a_fingerprint_tells_peppers_apart_and_tells_nothing_else() -> None:
    assert fingerprint(b"one") == fingerprint(b"one")
    assert fingerprint(b"one") != fingerprint(b"two")
    assert len(fingerprint(b"one")) == 16


async def test_the_epoch_is_written_once(redis: Redis, shared_admin: Connections, prefix: str) -> None:
    await (await connect(redis.url, prefix=prefix)).aclose()
    first = await shared_admin.call("HGET", f"{prefix}:meta", "epoch")
    await (await connect(redis.url, prefix=prefix)).aclose()
    assert await shared_admin.call("HGET", f"{prefix}:meta", "epoch") == first
    assert len(first) == 32
