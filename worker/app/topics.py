"""The topics of the settings: what `topics check` and `topics create` compose."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec
from pydantic import SecretStr

from worker.formats.fields import parse_rfc3339
from worker.settings import Kafka, Settings
from worker.streams.kafka.cluster import Connection
from worker.streams.kafka.positions import Start
from worker.streams.kafka.security import Security, Tls, TokenFile, TokenIssuer
from worker.streams.kafka.topic_needs import TOPIC_KINDS, Finding, TopicNeed, TopicState, compare, needs
from worker.streams.kafka.topics import Created, create, describe


class Checked(msgspec.Struct, frozen=True):
    """What the settings need, what of it the cluster has, and the differences."""

    needs: Sequence[TopicNeed]
    states: dict[str, TopicState]
    findings: Sequence[Finding]


async def check_topics(settings: Settings) -> Checked:
    """Compare the cluster with the settings.

    Raises:
        ClusterError: no broker answers, or it does not tell.
    """
    wanted = _needs(settings)
    states = await describe(connection_of(settings), [need.name for need in wanted])
    return Checked(wanted, states, compare(wanted, states))


async def create_topics(settings: Settings) -> Created:
    """Make what is missing.

    Raises:
        ClusterError: no broker answers, or it refuses to make one of them.
    """
    return await create(connection_of(settings), _needs(settings), settings.topics.replication_factor)


def connection_of(settings: Settings) -> Connection:
    """Return how to connect to the cluster; for the same settings always the same: its tokens are used again."""
    return _connection_of(settings.kafka)


@lru_cache(maxsize=8)
def _connection_of(kafka: Kafka) -> Connection:
    security = Security(
        kafka.security_protocol,
        Tls(
            kafka.ssl_ca_file,
            kafka.ssl_cert_file,
            kafka.ssl_key_file,
            _said(kafka.ssl_key_password),
            kafka.ssl_check_hostname,
        ),
        kafka.sasl_mechanism,
        kafka.sasl_username,
        _said(kafka.sasl_password),
        _tokens(kafka),
    )
    return Connection(kafka.bootstrap_servers, kafka.client_id, security)


def _tokens(kafka: Kafka) -> TokenFile | TokenIssuer | None:
    if kafka.sasl_token_file is not None:
        return TokenFile(kafka.sasl_token_file)
    if kafka.sasl_token_url is not None:
        secret = _said(kafka.sasl_client_secret) or ""
        return TokenIssuer(kafka.sasl_token_url, kafka.sasl_client_id or "", secret, kafka.sasl_scope)
    return None


def _said(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def start_of(text: str) -> Start:
    """Return what `kafka.start` says."""
    if text == "earliest":
        return "earliest"
    if text == "latest":
        return "latest"
    return int(parse_rfc3339(text).timestamp() * 1000)


def _needs(settings: Settings) -> tuple[TopicNeed, ...]:
    topics = settings.topics
    return needs(
        {kind: getattr(topics, kind) for kind in TOPIC_KINDS},
        partitions=topics.partitions,
        partitioning=topics.partitioning,
        max_input_bytes=settings.input.max_bytes,
    )
