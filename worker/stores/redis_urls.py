"""What `redis.url` says: one server, Sentinels that know where the primary is, or nodes of a Cluster.

    redis://[user:password@]host:port/database                                rediss:// with TLS
    redis+sentinel://[user:password@]host:port,host:port/service/database     rediss+sentinel:// with TLS
    redis+cluster://[user:password@]host:port,host:port                       rediss+cluster:// with TLS

User and password are the primary's; Sentinels that ask for some get `sentinel_username` and `sentinel_password` of the
query. TLS is for both, or for none. Of a Cluster any of its nodes tell the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from redis.asyncio.connection import AbstractConnection, Connection, parse_url

EXPECTED = (
    "redis://host:port/database, rediss:// with TLS, redis+sentinel://host:port,host:port/service/database, or"
    " redis+cluster://host:port,host:port"
)
_SENTINEL, _CLUSTER = "+sentinel", "+cluster"
_PORT, _SENTINEL_PORT = 6379, 26379
_OWN: dict[str, Any] = {
    "protocol": 2,  # answers are bytes, and a handshake takes no more than it must
    "driver_info": None,
    "decode_responses": False,
    "socket_timeout": None,  # time-outs are kept by who calls
    "socket_connect_timeout": None,
}


class Target(msgspec.Struct, frozen=True):
    """A server, by the client's options; where there are Sentinels or nodes, host and port are theirs to tell."""

    connection_class: Callable[..., AbstractConnection]
    options: dict[str, Any]
    service: str = ""
    sentinels: tuple[tuple[str, int], ...] = ()
    sentinel_options: dict[str, Any] = {}
    nodes: tuple[tuple[str, int], ...] = ()

    def connection(self, host: str = "", port: int = 0) -> AbstractConnection:
        """Return a connection that is not made yet; to what the Sentinels or the nodes told."""
        return self.connection_class(**self.options, **({"host": host, "port": port} if host else {}))

    def to_sentinel(self, host: str, port: int) -> AbstractConnection:
        """Return a connection to a Sentinel that is not made yet."""
        return self.connection_class(**self.sentinel_options, host=host, port=port)


def parse(url: str) -> Target:
    """Read a url.

    Raises:
        ValueError: it is none of these.
    """
    scheme, _, rest = url.partition("://")
    if scheme.endswith(_SENTINEL):
        return _sentinels(scheme.removesuffix(_SENTINEL), rest)
    if scheme.endswith(_CLUSTER):
        return _cluster(scheme.removesuffix(_CLUSTER), rest)
    return _target(dict(parse_url(url)))


def is_cluster(url: str) -> bool:
    """Tell whether the url names nodes of a Cluster."""
    return url.partition("://")[0].endswith(_CLUSTER)


def _sentinels(scheme: str, rest: str) -> Target:
    credentials, hosts, path, query = _parts(rest)
    service, _, database = path.partition("/")
    asked = dict(parse_qsl(query))
    own = {name.removeprefix("sentinel_"): asked.pop(name) for name in list(asked) if name.startswith("sentinel_")}
    if not service:
        raise ValueError("no service is named")
    options = _options(scheme, credentials, database, urlencode(asked))
    theirs = {name: value for name, value in options.items() if name not in {"db", "username", "password"}}
    return msgspec.structs.replace(
        _target(options),
        service=service,
        sentinels=tuple(_address(host, _SENTINEL_PORT) for host in hosts),
        sentinel_options=_target(theirs | own).options,
    )


def _cluster(scheme: str, rest: str) -> Target:
    credentials, hosts, database, query = _parts(rest)
    if database not in {"", "0"}:
        raise ValueError("a Cluster has no other database than 0")
    options = _options(scheme, credentials, "", query)
    return msgspec.structs.replace(_target(options), nodes=tuple(_address(host, _PORT) for host in hosts))


def _parts(rest: str) -> tuple[str, list[str], str, str]:
    """Return credentials (with their @), hosts, path and query; several hosts are no URL."""
    credentials, at, place = rest.rpartition("@")
    place, _, query = place.partition("?")
    hosts, _, path = place.partition("/")
    return credentials + at, hosts.split(","), path, query


def _options(scheme: str, credentials: str, database: str, query: str) -> dict[str, Any]:
    """Return what the client makes of it, but for host and port."""
    options = dict(parse_url(f"{scheme}://{credentials}host/{database}?{query}"))
    options.pop("host")
    return options


def _target(options: dict[str, Any]) -> Target:
    class_ = options.pop("connection_class", Connection)
    return Target(class_, options | _OWN)


def _address(text: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError("a host is missing")
    return parts.hostname, parts.port or port
