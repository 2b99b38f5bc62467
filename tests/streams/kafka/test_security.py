"""Logins, certificates and rights, on a broker that asks for them."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import encode_basic_auth, web
from pydantic import SecretStr

from deploy.dev.servers import free_port
from tests.conftest import REFUSED_UNDER_TLS
from tests.delivery.receivers import ledger
from tests.factories import post_login
from tests.faults.waiting import until
from tests.running import Stage, stage
from tests.streams.kafka.secured import PASSWORD, USER, Secured, grant, secured, token
from worker.app.delivering import run_deliverer
from worker.app.doctor import examine
from worker.app.ending import Ending
from worker.app.kafka_access import connection_of
from worker.app.rights import deliverer_rights, worker_rights
from worker.app.run import run_worker
from worker.settings import Kafka, Settings, WebhookEndpoint, Webhooks
from worker.streams.kafka.cluster import ClusterError, Connection, reach
from worker.streams.kafka.diagnosis import steps_to
from worker.streams.kafka.rights import Right, lacking_rights
from worker.streams.kafka.security import TokenIssuer
from worker.telemetry import logs

pytestmark = REFUSED_UNDER_TLS
_CONNECTING = {"bootstrap_servers", "security_protocol", "sasl_mechanism", "sasl_username", "ssl_ca_file"}
DOCUMENT = Path(__file__).parents[3] / "docs" / "connecting.md"


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured(tmp_path_factory.mktemp("secured") / "broker") as running:
        yield running


def login_of(number: int) -> dict[str, Any]:
    return {**post_login(user={"user_id": f"auth0|{number}"}), "id": f"evt_{number}"}


def connection(port: int, host: str = "127.0.0.1", **given: Any) -> Connection:
    """As the settings say it."""
    return connection_of(Settings(kafka=Kafka(bootstrap_servers=f"{host}:{port}", **given)))


def login(broker: Secured, mechanism: str = "SCRAM-SHA-512", **given: Any) -> dict[str, Any]:
    return {"security_protocol": "SASL_SSL", "sasl_mechanism": mechanism, "ssl_ca_file": broker.ca_file, **given}


def named(broker: Secured, mechanism: str = "SCRAM-SHA-512", password: str = PASSWORD) -> dict[str, Any]:
    return login(broker, mechanism, sasl_username=USER, sasl_password=SecretStr(password))


async def refusal(to: Connection) -> str:
    with pytest.raises(ClusterError) as caught:
        await reach(to)
    return str(caught.value)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_user_logs_in(broker: Secured, mechanism: str) -> None:
    await reach(connection(broker.login, **named(broker, mechanism)))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_wrong_password_is_one_message_that_does_not_repeat_it(broker: Secured, mechanism: str) -> None:
    found = await refusal(connection(broker.login, **named(broker, mechanism, "a-wrong-one")))
    assert found == (
        f"127.0.0.1:{broker.login}: kafka.sasl_username = worker: the broker refuses the login by {mechanism},"
        " expected kafka.sasl_password to be this user's"
    )


def test_a_connection_is_shown_without_secrets(broker: Secured) -> None:
    assert PASSWORD not in repr(connection(broker.login, **named(broker), ssl_cert_file="a", ssl_key_password=PASSWORD))


@pytest.mark.parametrize("level", ["debug", "info"])
def test_a_login_leaves_no_secret_in_the_log(
    broker: Secured, tmp_path: Path, level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(level)
    file = tmp_path / "token"
    file.write_text(token(USER))
    for given in (named(broker, "PLAIN"), login(broker, "OAUTHBEARER", sasl_token_file=file)):
        asyncio.run(reach(connection(broker.login, **given)))
    with pytest.raises(ClusterError):
        asyncio.run(reach(connection(broker.login, **named(broker, "PLAIN", "a-wrong-one"))))
    told = "".join(capsys.readouterr())
    assert "Unable connect" in told
    for secret in (PASSWORD, "a-wrong-one", token(USER).partition(".")[0]):
        assert secret not in told


async def test_a_token_from_a_file_logs_in_and_is_read_anew(broker: Secured, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(token(USER, life_s=-60))
    to = connection(broker.login, **login(broker, "OAUTHBEARER", sasl_token_file=file))
    assert "expected a token that it accepts" in await refusal(to)
    file.write_text(token(USER) + "\n")
    await reach(to)


async def test_a_token_file_that_is_missing_or_empty_is_named(broker: Secured, tmp_path: Path) -> None:
    file = tmp_path / "token"
    to = connection(broker.login, **login(broker, "OAUTHBEARER", sasl_token_file=file))
    assert f"kafka.sasl_token_file = {file}: can't be read" in await refusal(to)
    file.write_text("\n")
    assert f"kafka.sasl_token_file = {file}: empty" in await refusal(to)


@asynccontextmanager
async def issuing(*, life_s: float = 600) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """An authorization server that knows one client; its address and the forms that it was sent."""
    asked: list[dict[str, Any]] = []

    async def give(request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        asked.append(form)
        if request.headers["Authorization"] != encode_basic_auth("client", "its secret"):
            return web.json_response({"error": "invalid_client"}, status=401)
        return web.json_response({"access_token": token(USER), "token_type": "bearer", "expires_in": life_s})

    server = web.Application()
    server.router.add_post("/token", give)
    runner = web.AppRunner(server)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/token", asked
    finally:
        await runner.cleanup()


def client(broker: Secured, url: str, secret: str = "its secret") -> dict[str, Any]:  # noqa: S107 - the test's
    given = {"sasl_client_id": "client", "sasl_client_secret": SecretStr(secret), "sasl_scope": "kafka"}
    return login(broker, "OAUTHBEARER", sasl_token_url=url, **given)


async def test_client_credentials_log_in_and_a_token_serves_again(broker: Secured) -> None:
    async with issuing() as (url, asked):
        to = connection(broker.login, **client(broker, url))
        await reach(to)
        await reach(to)
    assert asked == [{"grant_type": "client_credentials", "scope": "kafka"}]


async def test_many_that_connect_at_the_same_time_ask_for_one_token() -> None:
    async with issuing() as (url, asked):
        issuer = TokenIssuer(url, "client", "its secret", None)
        tokens = await asyncio.gather(*[issuer.token() for _ in range(8)])
    assert len(set(tokens)) == len(asked) == 1


async def test_a_token_that_is_nearly_over_is_asked_for_again(broker: Secured) -> None:
    async with issuing(life_s=0.001) as (url, asked):
        to = connection(broker.login, **client(broker, url))
        await reach(to)
        await reach(to)
    assert len(asked) >= 2


async def test_wrong_client_credentials_are_one_message_that_does_not_repeat_them(broker: Secured) -> None:
    async with issuing() as (url, _):
        found = await refusal(connection(broker.login, **client(broker, url, "a-wrong-one")))
    assert f"kafka.sasl_token_url = {url}: status 401: invalid_client" in found
    assert "a-wrong-one" not in found
    assert f"kafka.sasl_token_url = {url}: no answer" in await refusal(connection(broker.login, **client(broker, url)))


async def test_a_certificate_logs_in_with_its_key_in_either_file(broker: Secured, tmp_path: Path) -> None:
    pem = broker.certificate(tmp_path / "client.pem", "somebody")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    text = pem.read_text()
    key.write_text(text[: text.index("-----BEGIN CERTIFICATE")])
    certificate.write_text(text[text.index("-----BEGIN CERTIFICATE") :])
    tls: dict[str, Any] = {"security_protocol": "SSL", "ssl_ca_file": broker.ca_file}
    await reach(connection(broker.tls, **tls, ssl_cert_file=pem))
    await reach(connection(broker.tls, **tls, ssl_cert_file=certificate, ssl_key_file=key))


async def test_certificates_that_are_not_believed_are_named_with_the_setting(broker: Secured, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    tls: dict[str, Any] = {"security_protocol": "SSL"}
    assert "kafka.ssl_ca_file: the broker's certificate is not trusted" in await refusal(
        connection(broker.login, **{**named(broker), "ssl_ca_file": other})
    )
    assert "the system's authorities" in await refusal(connection(broker.expired, **tls))
    late = await refusal(connection(broker.expired, **tls, ssl_ca_file=broker.ca_file))
    assert "the broker's certificate is not valid today: certificate has expired" in late


async def test_a_certificate_is_for_a_host_unless_nobody_looks(broker: Secured) -> None:
    found = await refusal(connection(broker.login, "localhost", **named(broker)))
    assert "the broker's certificate is for somebody else" in found
    assert "kafka.ssl_check_hostname" in found
    await reach(connection(broker.login, "localhost", **named(broker), ssl_check_hostname=False))


async def test_a_broker_that_wants_a_certificate_gets_none_or_a_strange_one(broker: Secured, tmp_path: Path) -> None:
    tls: dict[str, Any] = {"security_protocol": "SSL", "ssl_ca_file": broker.ca_file}
    assert "kafka.ssl_cert_file" in await refusal(connection(broker.tls, **tls))
    strange = tmp_path / "strange.pem"
    trustme.CA().issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(str(strange))
    assert "kafka.ssl_cert_file" in await refusal(connection(broker.tls, **tls, ssl_cert_file=strange))


async def test_files_that_can_not_be_used_are_named(broker: Secured, tmp_path: Path) -> None:
    tls: dict[str, Any] = {"security_protocol": "SSL"}
    missing, text = tmp_path / "missing.pem", tmp_path / "text.pem"
    text.write_text("no certificate")
    assert f"kafka.ssl_ca_file = {missing}: can't be used" in await refusal(
        connection(broker.tls, **tls, ssl_ca_file=missing)
    )
    assert f"kafka.ssl_ca_file = {text}: can't be used" in await refusal(
        connection(broker.tls, **tls, ssl_ca_file=text)
    )
    assert f"kafka.ssl_cert_file = {missing}: no such file" in await refusal(
        connection(broker.tls, **tls, ssl_cert_file=missing)
    )
    assert f"kafka.ssl_cert_file = {text}, its key in the same file: can't be used" in await refusal(
        connection(broker.tls, **tls, ssl_cert_file=text)
    )


async def test_the_wrong_protocol_for_a_port_is_named(broker: Secured) -> None:
    plain = int(broker.bootstrap_servers.rpartition(":")[2])
    tls: dict[str, Any] = {"security_protocol": "SSL", "ssl_ca_file": broker.ca_file}
    assert "kafka.security_protocol = PLAINTEXT" in await refusal(connection(broker.login))
    assert "kafka.security_protocol = SSL" in await refusal(connection(plain, **tls))
    assert "kafka.security_protocol = SSL" in await refusal(connection(broker.login, **tls))


async def test_the_way_to_a_broker_is_told_step_by_step(broker: Secured) -> None:
    to = connection(broker.login, **named(broker))
    steps = [step async for step in steps_to(to.options(), to.security)]
    assert [(step.name, bool(step.problem)) for step in steps] == [
        (name, False) for name in ("dns", "tcp", "tls", "login")
    ]
    assert steps[2].found.startswith("TLSv1.3, certificate valid until ")
    assert steps[3].found == "the broker answers, by SCRAM-SHA-512"

    late = connection(broker.expired, security_protocol="SSL", ssl_ca_file=broker.ca_file)
    *_, last = [step async for step in steps_to(late.options(), late.security)]
    assert (last.name, "certificate has expired" in last.problem) == ("tls", True)

    wrong = connection(broker.login, **named(broker, "PLAIN", "a-wrong-one"))
    *_, last = [step async for step in steps_to(wrong.options(), wrong.security)]
    assert (last.name, "kafka.sasl_password" in last.problem) == ("login", True)


@asynccontextmanager
async def strict(broker: Secured) -> AsyncIterator[Stage]:
    """Topics that the administrator has made, and settings of a user without rights."""
    given = {**named(broker), "bootstrap_servers": f"127.0.0.1:{broker.login}"}
    async with stage(broker, 1, None, **given) as made:
        yield made


async def granted(broker: Secured, settings: Settings, rights: list[Right]) -> None:
    """Give the rights, and return when the broker knows them."""
    await grant(broker, USER, rights)
    async with asyncio.timeout(30):
        while await lacking_rights(connection_of(settings), rights):
            pass


async def test_a_worker_without_rights_ends_with_a_line_for_each(broker: Secured) -> None:
    async with strict(broker) as made:
        wanted = worker_rights(made.settings)
        with pytest.raises(ClusterError) as caught:
            await run_worker(made.job(), Ending())
    *lines, last = str(caught.value).splitlines()
    assert lines == [f"kafka.sasl_username = worker: the cluster's ACLs lack {right}" for right in wanted]
    assert "docs/connecting.md" in last


async def test_simulated_traffic_is_sent_as_the_user_of_the_settings(broker: Secured) -> None:
    async with strict(broker) as made:
        topic = made.settings.topics.triggers
        await granted(broker, made.settings, [Right("topic", topic, "Write"), Right("topic", topic, "DescribeConfigs")])
        command = [sys.executable, "-m", "worker", "simulate", "--events", "20", "--out", f"kafka://{topic}"]
        kafka = made.settings.kafka.model_dump(include=_CONNECTING) | {"sasl_password": PASSWORD}
        environment = {f"WORKER_KAFKA__{name.upper()}": str(value) for name, value in kafka.items()}
        running = await asyncio.create_subprocess_exec(*command, env={**os.environ, **environment})
        assert await asyncio.wait_for(running.wait(), 60) == 0
        assert len(await made.received("triggers")) == 20


@pytest.mark.parametrize("kind", ["topic", "group", "transactional id"])
async def test_a_single_right_that_is_missing_is_named(broker: Secured, kind: str) -> None:
    async with strict(broker) as made:
        wanted = worker_rights(made.settings)
        left_out = next(right for right in wanted if right.kind == kind and right.operation != "DescribeConfigs")
        if kind == "topic":  # one that may be seen, but not written
            left_out = Right("topic", made.settings.topics.assignments, "Write")
        await granted(broker, made.settings, [right for right in wanted if right != left_out])
        assert await lacking_rights(connection_of(made.settings), wanted) == [left_out]


async def test_the_worker_runs_on_exactly_the_documented_rights(broker: Secured) -> None:
    async with strict(broker) as made:
        await granted(broker, made.settings, worker_rights(made.settings))
        await made.send(login_of(1), login_of(2), b"no event")
        async with made.worker():
            await made.until_processed(3)
        assert len(await made.received("exposures")) == 2
        checks = [check async for check in examine(made.settings) if check.name.startswith("kafka")]
        hidden = [getattr(made.settings.topics, kind) for kind in ("redriven", "retries", "endpoints")]
        [topics] = [check for check in checks if check.name == "kafka topics"]
        assert topics.status == "skipped"
        assert all(name in topics.found for name in hidden)
        assert (checks[-1].name, checks[-1].status) == ("kafka transactions", "ok")
        assert len(await made.received("assignments")) == 2
        assert len(await made.received("dead_letters")) == 1


async def test_the_deliverer_runs_on_exactly_the_documented_rights(broker: Secured) -> None:
    async with strict(broker) as made, ledger() as receiver:
        endpoint = WebhookEndpoint(url=SecretStr(receiver.url()))
        hooks = Webhooks(endpoints={"programme": endpoint}, allow_http=True, allow_networks=("127.0.0.1/32",))
        settings = made.settings.model_copy(update={"webhooks": hooks})
        await granted(broker, settings, deliverer_rights(settings))
        ending = Ending()
        running = asyncio.create_task(run_deliverer(settings, ending))
        document = {"enrollment_id": uuid.uuid4().hex, "endpoint": "programme", "payload": {"user_id": "auth0|1"}}
        await made.send(document, {**document, "endpoint": "nobody"}, to="enrollments")
        await until(lambda: len(receiver.requests) == 1, 60, "the delivery")
        async with asyncio.timeout(60):
            while not await made.received("enrollments_dead_letters"):
                pass
        ending.ask("the test is over")
        await running


def documented(command: str) -> dict[str, set[str]]:
    """Return the operations on each resource that the guide says a command needs."""
    text = DOCUMENT.read_text("utf-8").partition(f"\n`{command}`:\n")[2]
    table = text.partition("|---|---|\n")[2].partition("\n\n")[0]
    found = dict(re.findall(r"^\| (.*?) \| (.*?) \|$", table, re.MULTILINE))
    return {resource.replace("`", ""): set(operations.split(", ")) for resource, operations in found.items()}


@pytest.mark.parametrize(("command", "rights"), [("run", worker_rights), ("deliver", deliverer_rights)])
def test_the_guide_lists_the_rights(command: str, rights: Any) -> None:
    wanted: dict[str, set[str]] = {}
    for right in rights(Settings()):
        resource = str(right).partition(" on ")[2]
        wanted.setdefault(resource, set()).add(right.operation)
    assert documented(command) == wanted
