from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from deploy.dev.servers import PORTS, Kafka, Redis, RedisCluster

# Test processes side by side must not find the same port free before one of them listens there.
PORTS.share(int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")), 8)

# A busy machine is no failure: examples are limited in number, not in time.
settings.register_profile("worker", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("worker")


@pytest.fixture(autouse=True)
def _logs_as_they_begin() -> None:
    """Undo what a command of an earlier test has set up."""
    structlog.reset_defaults()


@pytest.fixture
def leavings_end_here() -> Iterator[None]:
    """For tests whose connections are refused under TLS: what they leave behind is not found by a later test.

    Their loop ends before such a connection has said goodbye. Where it is found, it is logged, with a traceback, for
    which Python 3.11 parses code: in a test that does so itself, that is an error.
    """
    yield
    gc.collect()


REFUSED_UNDER_TLS = [
    pytest.mark.usefixtures("leavings_end_here"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker for the whole run: tests name their topics and groups apart and leave it running."""
    broker = Kafka(tmp_path_factory.mktemp("kafka"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A Redis for the whole run: tests take a key prefix of their own and leave it running."""
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """A Redis Cluster for the whole run: tests take a key prefix of their own and leave it as it is."""
    cluster = RedisCluster(tmp_path_factory.mktemp("redis-cluster"))
    cluster.start()
    yield cluster
    cluster.stop()
