"""What an error of Redis means for who asked: wait and ask again, or stop with a message. Never "no assignment"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Literal

from redis import exceptions

FailureKind = Literal[
    "busy",  # a script of somebody else runs for too long
    "connection",  # no connection, or it broke
    "loading",  # it has just started and reads its data
    "no_primary",  # a fail-over or a change of the cluster is under way
    "out_of_memory",  # maxmemory is reached
    "persistence",  # it can't write its data to disk, or to enough replicas
    "readonly",  # it became a replica
    "refused",  # anything else: waiting would not help
    "timeout",  # no answer in time
]


class StoreUnavailableError(Exception):
    """The store could not be asked at start; the message says where it was looked for and what happened."""


class StoreRefusedError(Exception):
    """The store answers, but waiting will not help; the message names the setting, what was found and expected."""


# The first class that fits decides: errors of authentication are errors of the connection for the client as well.
_CLASSES: tuple[tuple[type[Exception], FailureKind], ...] = (
    (exceptions.AuthenticationError, "refused"),
    (exceptions.AuthorizationError, "refused"),
    (exceptions.BusyLoadingError, "loading"),
    (exceptions.ReadOnlyError, "readonly"),
    (exceptions.OutOfMemoryError, "out_of_memory"),
    (exceptions.MasterDownError, "no_primary"),
    (exceptions.ClusterDownError, "no_primary"),
    (exceptions.TryAgainError, "no_primary"),
    (exceptions.TimeoutError, "timeout"),
    (exceptions.ConnectionError, "connection"),
    (TimeoutError, "timeout"),
    (OSError, "connection"),
)
# Codes that the client has no class for, and those that Redis before 7 wraps where a script met them.
_CODES: MappingProxyType[str, FailureKind] = MappingProxyType(
    {
        "BUSY": "busy",
        "LOADING": "loading",
        "MASTERDOWN": "no_primary",
        "CLUSTERDOWN": "no_primary",
        "TRYAGAIN": "no_primary",
        "MISCONF": "persistence",
        "NOREPLICAS": "persistence",
        "OOM": "out_of_memory",
        "READONLY": "readonly",
    }
)
_IN_SCRIPT = re.compile(r"Error running script .*?-([A-Z]+) ")
_USER = re.compile("//.*@")  # to the last @: a password may hold anything
_EXPECTED = MappingProxyType(
    {
        "NOAUTH": "redis.url needs a user and password that the server knows",
        "WRONGPASS": "redis.url needs a user and password that the server knows",
        "NOPERM": "the user of redis.url needs the commands EVALSHA, EVAL, INFO, TIME, GET, SET, DEL, HGET, HSET, "
        "HSETNX, HDEL, HLEN, HMGET, HINCRBY, PEXPIRE, ASKING and CLUSTER|SLOTS on the keys of redis.key_prefix",
        "MOVED": "a node of a Cluster is there: redis+cluster:// names some of them, redis:// one server",
        "WRONGTYPE": "redis.key_prefix must be the worker's own: no key of anybody else begins with it",
    }
)
_MESSAGE_CHARACTERS = 200


def kind_of(error: Exception) -> FailureKind:
    """Classify what a call to Redis raised; every kind but `refused` passes by itself."""
    code = _code(error)
    if code in _CODES:
        return _CODES[code]
    return next((kind for class_, kind in _CLASSES if isinstance(error, class_)), "refused")


def refusal(error: Exception, url: str) -> StoreRefusedError:
    """Return the message for an error that waiting will not mend."""
    expected = _EXPECTED.get(_code(error), "a Redis from 6.2 on was expected there")
    return StoreRefusedError(f"redis.url {masked(url)}: the server answers {_text(error)!r}: {expected}")


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Raise what a call that is made once comes to, as a message for whoever asked for it.

    Raises:
        StoreUnavailableError: the server can't be asked now.
        StoreRefusedError: waiting would not help.
    """
    try:
        yield
    except (exceptions.RedisError, OSError) as error:
        raise (refusal(error, url) if kind_of(error) == "refused" else _unavailable(error, url)) from error


def _unavailable(error: Exception, url: str) -> StoreUnavailableError:
    text = _text(error)
    reason = f"{kind_of(error)}: {text}" if text else kind_of(error)
    return StoreUnavailableError(
        f"redis.url {masked(url)}: the store can't be asked ({reason}), expected a running Redis"
    )


def masked(url: str) -> str:
    """Return the url without user, password and options."""
    return _USER.sub("//***@", url).partition("?")[0]


def _code(error: Exception) -> str:
    """Return the code that the server's answer began with, as far as the client kept it."""
    text = str(error)
    wrapped = _IN_SCRIPT.search(text)
    return wrapped.group(1) if wrapped else getattr(error, "status_code", None) or text.partition(" ")[0]


def _text(error: Exception) -> str:
    """Return what the server said, with the code that the client took off, without the arguments that it may repeat."""
    code, said = getattr(error, "status_code", None), str(error).partition(", with args")[0]
    return (f"{code} {said}" if code and not said.startswith(code) else said)[:_MESSAGE_CHARACTERS]
