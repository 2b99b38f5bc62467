"""What `redis.url` says: one server, or Sentinels that know where the primary is.

    redis://[user:password@]host:port/database            rediss:// with TLS
    redis+sentinel://[user:password@]host:port,host:port/service/database     rediss+sentinel:// with TLS

User and password are the primary's; Sentinels that ask for some get `sentinel_username` and `sentinel_password` of the
query. TLS is for both, or for none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from redis.asyncio.connection import AbstractConnection, Connection, parse_url

EXPECTED = "redis://host:port/database, rediss:// with TLS, or redis+sentinel://host:port,host:port/service/database"
_SENTINEL = "+sentinel"
_SENTINEL_PORT = 26379
_OWN: dict[str, Any] = {
    "protocol": 2,  # answers are bytes, and a handshake takes no more than it must
    "driver_info": None,
    "decode_responses": False,
    "socket_timeout": None,  # time-outs are kept by who calls
    "socket_connect_timeout": None,
}


class Target(msgspec.Struct, frozen=True):
    """A server, by the client's options; where there are Sentinels, host and port are theirs to tell."""

    connection_class: Callable[..., AbstractConnection]
    options: dict[str, Any]
    service: str = ""
    sentinels: tuple[tuple[str, int], ...] = ()
    sentinel_options: dict[str, Any] = {}

    def connection(self, host: str = "", port: int = 0) -> AbstractConnection:
        """Return a connection that is not made yet; to the primary that the Sentinels told."""
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
    if not scheme.endswith(_SENTINEL):
        return _target(dict(parse_url(url)))
    # Several hosts are no URL: each is parsed as if it were alone.
    credentials, at, place = rest.rpartition("@")
    hosts, _, path = place.partition("/")
    path, _, query = path.partition("?")
    service, _, database = path.partition("/")
    asked = dict(parse_qsl(query))
    own = {name.removeprefix("sentinel_"): asked.pop(name) for name in list(asked) if name.startswith("sentinel_")}
    sentinels = tuple(_address(host) for host in hosts.split(","))
    if not service:
        raise ValueError("no service is named")
    plain = f"{scheme.removesuffix(_SENTINEL)}://{credentials}{at}sentinel/{database}?{urlencode(asked)}"
    options = dict(parse_url(plain))
    options.pop("host")
    theirs = {name: value for name, value in options.items() if name not in {"db", "username", "password"}}
    found = _target(options)
    return msgspec.structs.replace(
        found, service=service, sentinels=sentinels, sentinel_options=_target(theirs | own).options
    )


def _target(options: dict[str, Any]) -> Target:
    class_ = options.pop("connection_class", Connection)
    return Target(class_, options | _OWN)


def _address(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError("a host is missing")
    return parts.hostname, parts.port or _SENTINEL_PORT
