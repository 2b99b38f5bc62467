"""What every way to the cluster takes from the settings: the connection, producers, groups, where a group begins."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from pydantic import SecretStr

from worker.formats.fields import parse_rfc3339
from worker.settings import Kafka, Settings
from worker.streams.kafka.cluster import Connection
from worker.streams.kafka.positions import Start
from worker.streams.kafka.producers import ProducerOptions, Producers
from worker.streams.kafka.security import Security, Tls, TokenFile, TokenIssuer


def producers_of(settings: Settings, **options: Any) -> Producers:
    """Return what opens transactional producers; `options` are others of `ProducerOptions`.

    Raises:
        ClusterError: a file for TLS can't be used.
    """
    connection, timeout_ms = connection_of(settings).options(), settings.kafka.transaction_timeout_ms
    return Producers(ProducerOptions(connection, timeout_ms, compression_of(settings), **options))


def compression_of(settings: Settings) -> Literal["gzip", "lz4", "zstd"] | None:
    """Return how outputs are compressed, as aiokafka has it."""
    compression = settings.kafka.compression
    return None if compression == "none" else compression


def deliverers_group(settings: Settings) -> str:
    """Return the deliverers' own consumer group."""
    return f"{settings.kafka.group_id}.deliver"


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
