"""The nodes of a Redis Cluster: every command goes to the node of its first key, those of a node in one pipeline.

Which node serves a slot is what the nodes say. They are asked again when one of them answers that a slot has moved, or
does not answer: so calls follow a resharding, and a fail-over with the next attempt. While a slot moves, what has
arrived is asked for where it is (ASK); a call whose keys are on both sides is refused until the slot is there
(TRYAGAIN), which passes like a fail-over does.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, RedisError, ResponseError

from worker.stores.redis_client import Client, Command, Part
from worker.stores.redis_connections import Connections, Pool, target_of
from worker.stores.redis_errors import StoreRefusedError, kind_of, masked
from worker.stores.redis_urls import is_cluster

_MOST_REDIRECTIONS = 5
_SILENT_NODES = 4  # may use up the time of a call, when nodes are asked who serves what
_ASKING: Command = ("ASKING",)
_Address = tuple[str, int]


def client_of(url: str, timeout: float) -> Client:
    """Return what sends commands there; each call has `timeout` seconds to the end of its answers.

    Raises:
        StoreRefusedError: the url is none of Redis's.
    """
    return ClusterConnections(url, timeout) if is_cluster(url) else Connections(url, timeout)


class _Way(NamedTuple):
    """Where a command goes; `asking` where the slot is not that node's yet."""

    node: _Address
    asking: bool = False


class ClusterConnections(Client):
    """Sends commands to the nodes of the Cluster that `url` names some of.

    Raises:
        StoreRefusedError: the url is none of Redis's.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self.url = url
        self._target = target_of(url)
        self._timeout = timeout
        self._pools: dict[_Address, Pool] = {}
        self._primaries: dict[int, _Address] = {}
        self._is_current = False
        self._asking = asyncio.Lock()

    async def ask_servers(self, *command: Part) -> dict[str, Any]:
        """Send a command to every primary that serves slots."""
        await self._look()
        nodes = sorted(set(self._primaries.values()))
        answers = await self._from_nodes({node: [command] for node in nodes})
        return {f"{host}:{port}": answer for (host, port), [answer] in zip(nodes, answers, strict=True)}

    async def aclose(self) -> None:
        """Close the connections that no call uses."""
        for pool in self._pools.values():
            await pool.aclose()

    async def _send(self, commands: Sequence[Command]) -> list[Any]:
        await self._look()
        answers: list[Any] = [None] * len(commands)
        ways = {place: _Way(self._node_of(command)) for place, command in enumerate(commands)}
        for _ in range(_MOST_REDIRECTIONS):
            found = await self._send_by(ways, commands)
            ways = {}
            for place, (node, answer) in found.items():
                if isinstance(answer, AskError):
                    ways[place] = self._redirected(node, answer)
                else:
                    answers[place] = answer
            if not ways:
                return answers
        raise ClusterDownError("the nodes send a call from one to the other")

    async def _send_by(self, ways: dict[int, _Way], commands: Sequence[Command]) -> dict[int, tuple[_Address, Any]]:
        """Return who answered what."""
        pipelines: dict[_Address, list[Command]] = defaultdict(list)
        places: dict[_Address, list[int | None]] = defaultdict(list)
        for place, way in ways.items():
            if way.asking:
                pipelines[way.node].append(_ASKING)
                places[way.node].append(None)
            pipelines[way.node].append(commands[place])
            places[way.node].append(place)
        found = {}
        for node, answers in zip(pipelines, await self._from_nodes(pipelines), strict=True):
            for asked, answer in zip(places[node], answers, strict=True):
                if asked is not None:
                    found[asked] = node, answer
        return found

    async def _from_nodes(self, pipelines: dict[_Address, list[Command]]) -> list[list[Any]]:
        """Return each node's answers, when all have answered."""
        sent = (self._pool_of(node).send(commands) for node, commands in pipelines.items())
        found = await asyncio.gather(*sent, return_exceptions=True)
        answers = []
        for each in found:
            if isinstance(each, BaseException):
                self._is_current = False
                raise each
            if any(isinstance(answer, ClusterDownError) for answer in each):
                self._is_current = False
            answers.append(each)
        return answers

    def _redirected(self, node: _Address, answer: AskError) -> _Way:
        told = answer.host or node[0], answer.port  # without a host it means the one that it was asked by
        if not isinstance(answer, MovedError):
            return _Way(told, asking=True)
        self._primaries[answer.slot_id] = told
        self._is_current = False
        return _Way(told)

    def _node_of(self, command: Command) -> _Address:
        key = command[3] if command[0] in {"EVALSHA", "EVAL"} else command[1]
        slot = key_slot(key if isinstance(key, bytes) else str(key).encode())
        node = self._primaries.get(slot)
        if node is None:
            self._is_current = False
            raise ClusterDownError(f"slot {slot} has no node")
        return node

    def _pool_of(self, node: _Address) -> Pool:
        pool = self._pools.get(node)
        if pool is None:

            async def connect() -> Any:
                return self._target.connection(*node)

            pool = self._pools[node] = Pool(connect, self._timeout)
        return pool

    async def _look(self) -> None:
        """Ask who serves which slots, unless that is known."""
        if self._is_current:
            return
        async with self._asking:
            if self._is_current:  # another call has asked meanwhile
                return
            self._primaries = await self._ask_around()
            self._is_current = True
            serving = set(self._primaries.values())
            for node in [node for node in self._pools if node not in serving]:
                await self._pools.pop(node).aclose()

    async def _ask_around(self) -> dict[int, _Address]:
        """Return the primaries by slot, of the first node that knows.

        Raises:
            ClusterDownError: none does.
            StoreRefusedError: it is no node of a Cluster.
        """
        nodes = dict.fromkeys((*self._primaries.values(), *self._target.nodes))
        reasons = []
        for host, port in nodes:
            connection = self._target.connection(host, port)
            try:
                async with asyncio.timeout(self._timeout / _SILENT_NODES):
                    await connection.connect()  # type: ignore[no-untyped-call] # the client's annotations have gaps
                    await connection.send_command("CLUSTER", "SLOTS")
                    found = await connection.read_response()
            except (RedisError, OSError) as error:
                if isinstance(error, ResponseError) and "cluster support disabled" in str(error):
                    raise StoreRefusedError(
                        f"redis.url {masked(self.url)}: found a standalone Redis at {host}:{port}, expected a node of a"
                        " Cluster: redis:// names one server"
                    ) from error
                if kind_of(error) == "refused":
                    raise
                reasons.append(f"{host}:{port} {str(error) or type(error).__name__}")
                continue
            finally:
                await connection.disconnect(nowait=True)
            if found:
                return _primaries(found, host)
            reasons.append(f"{host}:{port} serves no slots")
        raise ClusterDownError(f"no node says who serves which slots: {', '.join(reasons)}")


def _primaries(ranges: Sequence[Any], asked: str) -> dict[int, _Address]:
    """Return the primaries by slot; `CLUSTER SLOTS` gives first, last, primary and replicas, each host, port and id."""
    found = {}
    for first, last, (host, port, *_), *_ in ranges:
        node = (host or b"").decode() or asked, int(port)
        found.update(dict.fromkeys(range(first, last + 1), node))
    return found
