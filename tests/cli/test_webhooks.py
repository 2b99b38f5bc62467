"""`webhooks`, and `deliver --from`: what they show, and that nothing is sent by accident."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from standardwebhooks import Webhook
from typer.testing import CliRunner, Result

from deploy.dev.servers import Kafka, Redis, free_port
from tests.cli.homes import Home
from tests.cli.test_deliver import SECRET, command, endpoint, enrollment
from tests.delivery.receivers import Request, answer, ledger
from worker.cli.main import app


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "worker.toml"


def configure(file: Path, url: str, **more: Any) -> None:
    lines = ["[webhooks]", "allow_http = true", 'allow_networks = ["127.0.0.1/32"]', "[webhooks.endpoints.welcome]"]
    given = {"url": url, "secrets": [SECRET], "retry_schedule_s": [0.1, 0.1], **more}
    file.write_text("\n".join([*lines, *(f"{name} = {json.dumps(value)}" for name, value in given.items()), ""]))


async def invoke(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, arguments)


def log_of(folder: Path, enrollments: Sequence[Any]) -> str:
    file = folder / "enrollments.ndjson"
    file.write_bytes(b"\n".join(each if isinstance(each, bytes) else orjson.dumps(each) for each in enrollments))
    return str(file)


async def test_a_sample_is_signed_and_its_answer_is_shown(settings: Path) -> None:
    async with ledger(lambda _: answer(201, body=b"welcome!")) as receiver:
        configure(settings, receiver.url("/in?token=secret"))
        result = await invoke("webhooks", "test", "welcome")
        own = await invoke("webhooks", "test", "welcome", "--payload", '{"a": 1}', "--json")
    assert (result.exit_code, own.exit_code) == (0, 0)
    assert "welcome: delivered (HTTP 201" in result.stdout
    assert "welcome!" in result.stdout
    assert "token" not in result.stdout + result.stderr
    assert {"outcome": "delivered", "status": 201, "body": "welcome!"}.items() <= orjson.loads(own.stdout).items()
    for request in receiver.requests:
        Webhook(SECRET).verify(request.body, request.headers)
    assert orjson.loads(receiver.requests[0].body)["user_id"] == "auth0|sample"
    assert receiver.requests[1].body == b'{"a": 1}'


async def test_a_sample_that_does_not_arrive_says_why(settings: Path) -> None:
    configure(settings, f"http://127.0.0.1:{free_port()}/")
    result = await invoke("webhooks", "test", "welcome")
    assert result.exit_code == 1
    assert "welcome: connection (no answer" in result.stdout
    unknown = await invoke("webhooks", "test", "other")
    assert unknown.exit_code == 2
    assert "expected one of webhooks.endpoints: welcome" in unknown.stderr
    assert "--payload is no JSON" in (await invoke("webhooks", "test", "welcome", "--payload", "{")).stderr


def test_endpoints_are_listed_disabled_and_enabled(kafka: Kafka, redis: Redis, tmp_path: Path) -> None:
    home = Home(kafka, redis, tmp_path)
    home.make_topics()
    endpoint(home, "welcome", "https://hooks.example.com/secret/path?token=secret")
    assert "hooks.example.com" in command(home, "webhooks", "list")
    assert "secret" not in command(home, "webhooks", "list")
    assert command(home, "webhooks", "disable", "welcome", "--reason", "maintenance") == "welcome is disabled\n"
    (row,) = orjson.loads(command(home, "webhooks", "list", "--json"))["endpoints"]
    assert (row["state"], row["reason"], row["signed"]) == ("disabled", "maintenance", "signed")
    assert "maintenance" in command(home, "webhooks", "list")
    command(home, "webhooks", "enable", "welcome")
    (row,) = orjson.loads(command(home, "webhooks", "list", "--json"))["endpoints"]
    assert row["state"] == "enabled"
    result = CliRunner().invoke(app, ["webhooks", "disable", "other"], env=home.environment)
    assert (result.exit_code, "expected one of webhooks.endpoints: welcome" in result.stderr) == (2, True)


async def test_a_dry_run_over_a_file_shows_what_would_be_sent_and_sends_nothing(settings: Path) -> None:
    async with ledger() as receiver:
        configure(settings, receiver.url())
        log = log_of(settings.parent, [enrollment(0), enrollment(1), b"", enrollment(2, "nobody"), b"{"])
        result = await invoke("deliver", "--from", log, "--dry-run")
        assert result.exit_code == 1
        assert "welcome: 2 to be sent  signed" in result.stdout
        assert "enrollments.ndjson/4: no endpoint 'nobody'" in result.stderr
        assert "enrollments.ndjson/5: no enrollment" in result.stderr
        assert "Nothing was sent (--dry-run)." in result.stdout
        unasked = await invoke("deliver", "--from", log)
        assert unasked.exit_code == 2
        assert "expected either --dry-run, which sends nothing, or --send" in unasked.stderr
        assert receiver.connections == 0


async def test_a_file_is_sent_where_somebody_asks_for_it_and_failures_are_tried_again(settings: Path) -> None:
    tried: set[str] = set()

    def status(request: Request) -> int:
        id_ = request.headers["webhook-id"]
        first = id_ not in tried
        tried.add(id_)
        return 500 if first and orjson.loads(request.body)["number"] % 10 == 0 else 200

    async with ledger(status) as receiver:
        configure(settings, receiver.url())
        log = log_of(settings.parent, [enrollment(number) for number in range(100)])
        result = await invoke("deliver", "--from", log, "--send", "--json")
    assert result.exit_code == 0, result.output
    done = orjson.loads(result.stdout)
    assert (done["endpoints"], done["enrollments"], done["not_sent"]) == ({"welcome": {"delivered": 100}}, 100, 0)
    assert len(receiver.requests) == 110


async def test_what_could_not_be_sent_from_a_file_is_named(settings: Path) -> None:
    async with ledger(lambda request: 400 if orjson.loads(request.body)["number"] == 1 else 200) as receiver:
        configure(settings, receiver.url())
        log = log_of(settings.parent, [enrollment(number) for number in range(3)])
        result = await invoke("deliver", "--from", log, "--send")
    assert result.exit_code == 1
    assert "enrollments.ndjson/2: welcome: refused" in result.stderr
    assert "3 enrollments, 1 not sent" in result.stdout


def test_wrong_usage_is_one_message(settings: Path) -> None:
    def refused() -> str:
        return CliRunner().invoke(app, ["deliver"]).stderr

    settings.write_text("")
    assert "there is nobody to deliver to" in refused()
    assert "--dry-run and --send go with --from" in CliRunner().invoke(app, ["deliver", "--dry-run"]).stderr
    settings.write_text('[webhooks.endpoints.a]\nurl = "http://a.example.com"\n')
    assert "expected https, or allow_http = true" in refused()
    settings.write_text('[webhooks.endpoints.a]\nurl = "https://a.example.com"\nsecrets = ["planted-secret"]\n')
    assert "webhooks.endpoints.a.secrets.0" in refused()
    assert "planted" not in refused()
