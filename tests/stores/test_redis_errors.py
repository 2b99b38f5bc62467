from __future__ import annotations

import pytest
from redis import exceptions
from redis._parsers.base import BaseParser

from worker.stores.redis_errors import StoreUnavailableError, explained, kind_of, masked, refusal


def answered(text: str) -> Exception:
    """Return what the client raises when the server answers that."""
    found: Exception = BaseParser.parse_error(text)  # type: ignore[no-untyped-call] # the client's annotations have gaps
    return found


_IN_SCRIPT = " script: 2c5, on @user_script:48."


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("LOADING Redis is loading the dataset in memory", "loading"),
        ("READONLY You can't write against a read only replica." + _IN_SCRIPT, "readonly"),
        ("OOM command not allowed when used memory > 'maxmemory'." + _IN_SCRIPT, "out_of_memory"),
        ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "no_primary"),
        ("CLUSTERDOWN The cluster is down", "no_primary"),
        ("TRYAGAIN Multiple keys request during rehashing of slot", "no_primary"),
        ("BUSY Redis is busy running a script. You can only call SCRIPT KILL", "busy"),
        ("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to", "persistence"),
        ("NOREPLICAS Not enough good replicas to write.", "persistence"),
        ("ERR max number of clients reached", "connection"),
        (
            "ERR Error running script (call to f_2c5): @user_script:48: @user_script: 48: -OOM command not allowed",
            "out_of_memory",
        ),
        ("NOAUTH Authentication required.", "refused"),
        ("WRONGPASS invalid username-password pair or user is disabled.", "refused"),
        ("NOPERM User worker has no permissions to run the 'evalsha' command", "refused"),
        ("WRONGTYPE Operation against a key holding the wrong kind of value" + _IN_SCRIPT, "refused"),
        ("NOSCRIPT No matching script. Please use EVAL.", "refused"),
        ("ERR unknown command 'EVALSHA', with args beginning with: 'a' 'b'", "refused"),
        ("MOVED 3999 127.0.0.1:6381", "refused"),
        ("SOMETHING nobody has heard of", "refused"),
    ],
)
def test_an_answer_is_waited_for_or_refused(answer: str, kind: str) -> None:
    assert kind_of(answered(answer)) == kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.ConnectionError("Connection closed by server."), "connection"),
        (ConnectionResetError(), "connection"),
        (exceptions.TimeoutError("Timeout connecting to server"), "timeout"),
        (TimeoutError(), "timeout"),
        (exceptions.InvalidResponse("Protocol error"), "refused"),
        (exceptions.AuthenticationError("Invalid Username or Password"), "refused"),
    ],
)
def test_an_error_of_the_connection_is_waited_for_or_refused(error: Exception, kind: str) -> None:
    assert kind_of(error) == kind


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("rediss://user:pw@host:1/2?password=pw", "rediss://***@host:1/2"),
        ("redis://:p@/?#w@host", "redis://***@host"),
        ("redis://pw@[::1", "redis://***@[::1"),
    ],
)
def test_an_url_is_shown_without_secrets(url: str, shown: str) -> None:
    assert masked(url) == shown


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    error = answered("ERR unknown command 'EVALSHA', with args beginning with: 'secret'")
    message = str(refusal(error, "redis://u:pw@h"))
    assert "unknown command 'EVALSHA'" in message
    assert "secret" not in message
    assert message.startswith("redis.url redis://***@h: the server answers")


def test_an_error_without_words_is_named_by_its_kind() -> None:
    with pytest.raises(StoreUnavailableError, match=r"\(timeout\), expected a running Redis"), explained("redis://h"):
        raise TimeoutError
