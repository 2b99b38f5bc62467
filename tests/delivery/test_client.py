"""One attempt at receivers of every kind, and at addresses that may not be dialled."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from email.utils import format_datetime
from typing import Any, NamedTuple

import pytest
import trustme

from tests.delivery import receivers
from tests.delivery.receivers import Listener, Talk, answer, answering, ledger, listening
from worker.delivery.addresses import networks
from worker.delivery.client import Answer, Client, Outcome

PATIENCE = 20.0  # seconds, of a busy machine
LOOPBACK = networks(["127.0.0.0/8", "::1/128"])
BODY = b'{"user_id":"auth0|1"}'


async def post(url: str, allowed: Any = LOOPBACK, *, seconds: float = PATIENCE, keep: int = 0) -> Answer:
    async with Client(allowed) as client:
        return await client.post(url, BODY, {"webhook-id": "msg_1", "Authorization": "Bearer x"}, seconds, keep=keep)


async def test_what_is_posted_arrives_as_it_is() -> None:
    async with ledger() as receiver:
        assert (await post(receiver.url("/in?x=1"))).outcome == "delivered"
    (request,) = receiver.requests
    assert (request.path, request.body) == ("/in?x=1", BODY)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "msg_1"
    assert request.headers["authorization"] == "Bearer x"
    assert request.headers["user-agent"] == "experiment-worker"
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "delivered"),
        (204, "delivered"),
        (299, "delivered"),
        (301, "redirected"),
        (307, "redirected"),
        (400, "refused"),
        (404, "refused"),
        (410, "gone"),
        (429, "throttled"),
        (500, "failed"),
        (503, "failed"),
    ],
)
async def test_a_status_says_what_came_of_it(status: int, outcome: Outcome) -> None:
    async with listening(answering(answer(status, "Location: http://127.0.0.1:1/"))) as receiver:
        found = await post(receiver.url())
        assert (found.outcome, found.status, receiver.connections) == (outcome, status, 1)


@pytest.mark.parametrize(("text", "seconds"), [("120", 120), ("0", 0), ("soon", None), ("-5", None), ("1.5", None)])
async def test_a_receiver_may_say_when_to_come_again(text: str, seconds: float | None) -> None:
    async with listening(answering(answer(429, f"Retry-After: {text}"))) as receiver:
        assert (await post(receiver.url())).retry_after == seconds


@pytest.mark.parametrize(("ahead", "least", "most"), [(600, 590, 600), (-600, 0, 0)])
async def test_it_may_say_so_with_a_date(ahead: int, least: float, most: float) -> None:
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=ahead)
    text = format_datetime(moment, usegmt=True)
    async with listening(answering(answer(503, f"Retry-After: {text}"))) as receiver:
        found = (await post(receiver.url())).retry_after
    assert found is not None
    assert least <= found <= most


@pytest.mark.parametrize(
    ("talk", "outcome"),
    [
        (receivers.slow_headers, "timeout"),
        (receivers.endless_headers, "protocol"),
        (receivers.slow_body, "delivered"),
        (receivers.gzip_bomb, "delivered"),
        (receivers.hang, "timeout"),
        (receivers.reset, "connection"),
        (receivers.no_http, "protocol"),
    ],
)
async def test_a_hostile_receiver_costs_its_time_and_no_more(talk: Talk, outcome: Outcome) -> None:
    async with listening(talk) as receiver:
        found = await post(receiver.url(), seconds=0.4 if outcome == "timeout" else PATIENCE)
    assert found.outcome == outcome


async def test_an_endless_answer_is_cut_off() -> None:
    endless = receivers.Endless()
    async with listening(endless) as receiver:
        assert (await post(receiver.url())).outcome == "delivered"
    assert endless.sent < 16 << 20  # what the sockets' buffers hold, and little more


async def test_an_answers_begin_is_kept_if_somebody_asks_for_it() -> None:
    async with listening(answering(answer(400, body=b"what is this?" * 1000))) as receiver:
        assert (await post(receiver.url(), keep=13)).body == b"what is this?"
        assert (await post(receiver.url())).body == b""


async def test_a_connection_serves_again() -> None:
    async with ledger(lambda _: answer(200, body=b"ok")) as receiver, Client(LOOPBACK) as client:
        for _ in range(5):
            await client.post(receiver.url(), BODY, {}, 5)
        assert (len(receiver.requests), receiver.connections) == (5, 1)


async def test_nobody_there_and_no_such_name() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        assert (await post(f"http://127.0.0.1:{unheard.getsockname()[1]}/")).outcome == "connection"
    assert (await post("http://nowhere.invalid/", seconds=10)).outcome == "unknown_host"


TRICKS = [
    "127.0.0.1",
    "localhost",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "[::ffff:127.0.0.1]",
    "[::1]",
    "0",
    "127。0。0。1",
    "127.1",
    "[::]",
    "0.0.0.0",  # noqa: S104 - nobody binds to it
]


@pytest.mark.parametrize("host", TRICKS)
async def test_no_spelling_of_a_forbidden_address_is_dialled(host: str) -> None:
    async with ledger() as receiver:
        found = await post(receiver.url(host=host), (), seconds=5)
        assert found.outcome in {"forbidden_address", "unknown_host", "protocol", "connection"}
        assert found.status is None
        assert receiver.connections == 0


async def test_a_redirect_to_a_forbidden_address_is_not_followed() -> None:
    async with ledger() as forbidden:
        away = answer(302, f"Location: {forbidden.url(host='localhost')}")
        async with listening(answering(away)) as receiver:
            assert (await post(receiver.url(), networks(["127.0.0.1/32"]))).outcome == "redirected"
        assert forbidden.connections == 0


def closing() -> AbstractAsyncContextManager[Listener]:
    """Answer and close the connection, so that the next attempt needs a new one."""
    return ledger(lambda _: answer(204, "Connection: close"))


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Let every name resolve to the first addresses at the first look-up, and so on; return the names looked up."""

    def to(*answers: Sequence[str]) -> list[str]:
        looked: list[str] = []

        async def resolve(_: Any, host: str, port: int = 0, **__: Any) -> list[dict[str, Any]]:
            found = answers[min(len(looked), len(answers) - 1)]
            looked.append(host)
            family = {"family": socket.AF_INET, "proto": 0, "flags": 0}
            return [{"hostname": host, "host": each, "port": port, **family} for each in found]

        monkeypatch.setattr("aiohttp.resolver.DefaultResolver.resolve", resolve)
        return looked

    return to


async def test_a_name_that_resolves_to_loopback_later_is_not_dialled(resolves: Callable[..., list[str]]) -> None:
    """DNS rebinding: what a look-up said before does not matter, what is dialled does."""
    async with closing() as receiver, Client(networks(["127.0.0.1/32"])) as client:
        looked = resolves(["127.0.0.1"], ["127.0.0.2"])
        url = receiver.url(host="rebinds.example.com")
        assert (await client.post(url, BODY, {}, 5)).outcome == "delivered"
        assert client._session is not None
        client._session.connector.clear_dns_cache()  # type: ignore[union-attr] # as after its time
        assert (await client.post(url, BODY, {}, 5)).outcome == "forbidden_address"
        assert (looked, receiver.connections) == (["rebinds.example.com"] * 2, 1)


async def test_of_several_addresses_only_those_that_may_be_dialled_are(resolves: Callable[..., list[str]]) -> None:
    async with ledger() as receiver:
        resolves(["127.0.0.2", "127.0.0.1"])
        url = receiver.url(host="two.example.com")
        assert (await post(url, networks(["127.0.0.2/32"]), seconds=5)).outcome != "delivered"
        assert receiver.connections == 0
        assert (await post(url, networks(["127.0.0.1/32"]), seconds=5)).outcome == "delivered"


class Certified(NamedTuple):
    """Whom a certificate is for, when it is valid, and whether the client trusts who issued it."""

    name: str = "127.0.0.1"
    until: int = 2100
    trusted: bool = True


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (Certified(), "delivered"),
        (Certified(trusted=False), "tls"),
        (Certified(name="other.example.com"), "tls"),
        (Certified(until=2021), "tls"),
    ],
)
async def test_a_certificate_must_be_valid_and_theirs(
    given: Certified, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    if given.trusted:
        trusting = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
        monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", trusting)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    begin, end = (dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (2020, given.until))
    authority.issue_cert(given.name, not_before=begin, not_after=end).configure_cert(served)
    async with ledger(tls=served) as receiver:
        assert (await post(receiver.url(scheme="https"), seconds=5)).outcome == outcome
        assert len(receiver.requests) == (outcome == "delivered")
