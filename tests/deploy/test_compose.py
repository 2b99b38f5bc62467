"""`deploy/compose.yaml` and the image: what they name is there, and the settings are settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from worker.cli.main import app
from worker.settings import load

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
OURS = ("topics", "worker", "deliverer")


def interpolated(text: str, **given: str) -> str:
    """As Compose does it: `${NAME:-default}` and `${NAME:?message}`."""
    return re.sub(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)\}", lambda found: given.get(found[1], found[2] or ""), text)


@pytest.mark.parametrize("service", OURS)
def test_the_environment_is_settings(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES[service]["environment"].items():
        monkeypatch.setenv(name, interpolated(value, PEPPER="pepper"))
    settings = load(ROOT / "examples" / "worker.toml").settings
    assert settings.kafka.bootstrap_servers == "kafka:9092"
    assert settings.redis.url.get_secret_value() == "redis://redis:6379/0"


def test_the_deliverer_knows_every_endpoint_of_the_examples_and_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "WELCOME_URL": "https://example.com/welcome",
        "WELCOME_SECRET": '"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"',
        "ANALYTICS_URL": "https://example.com/analytics",
    }
    value = SERVICES["deliverer"]["environment"]["WORKER_WEBHOOKS__ENDPOINTS"]
    monkeypatch.setenv("WORKER_WEBHOOKS__ENDPOINTS", interpolated(value, **given))
    endpoints = load(ROOT / "examples" / "worker.toml").settings.webhooks.endpoints
    handlers = (ROOT / "examples" / "handlers.py").read_text()
    assert set(endpoints) == set(re.findall(r'api\.enroll\(\s*"([^"]+)"', handlers))
    assert endpoints["welcome-program"].url.get_secret_value() == "https://example.com/welcome"
    assert [len(endpoint.secrets) for endpoint in endpoints.values()] == [1, 0]


@pytest.mark.parametrize("service", OURS)
def test_the_commands_are_commands(service: str) -> None:
    command: Any = get_command(app)
    for word in SERVICES[service]["command"]:
        command = command.commands[word]


def test_redis_keeps_what_it_is_told() -> None:
    command = SERVICES["redis"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"


def test_everything_has_started_before_what_needs_it() -> None:
    for service in ("worker", "deliverer"):
        wanted = {name: each["condition"] for name, each in SERVICES[service]["depends_on"].items()}
        assert wanted == {"topics": "service_completed_successfully", "redis": "service_healthy"}
    assert SERVICES["topics"]["depends_on"]["kafka"]["condition"] == "service_healthy"


def test_files_that_the_image_is_made_of_are_there_and_sent_to_the_builder() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    copied = [
        source for line in re.findall(r"^COPY (?!--)(.*)$", dockerfile, re.MULTILINE) for source in line.split()[:-1]
    ]
    sent = [line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"]
    assert sorted(copied) == sorted(sent)
    assert all((ROOT / source).exists() for source in copied)
