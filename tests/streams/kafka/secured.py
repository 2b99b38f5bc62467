"""A broker with TLS, every login, and an authorizer that knows nobody but those whom a test gives rights.

Its plain listener is the administrators': whoever comes there may do everything.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int8, Int16, Int32, Schema, String
from cryptography.hazmat.primitives import serialization

from deploy.dev.servers import Kafka, free_port
from worker.streams.kafka.rights import Right

USER, PASSWORD = "worker", "correct-horse-battery"
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
_OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
_UNSECURED = "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecured"
_PROTOCOLS = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_SSL,TLS:SSL,EXPIRED:SSL"
_OPERATIONS = {"All": 2, "Read": 3, "Write": 4, "Describe": 8, "DescribeConfigs": 10}
_RESOURCES = {"topic": 2, "group": 3, "transactional id": 5}
_LITERAL, _PREFIXED, _ALLOW = 3, 4, 3


class Secured(Kafka):
    """The broker; `login`, `tls` and `expired` are ports of its listeners."""

    def __init__(self, folder: Path) -> None:
        self.login, self.tls, self.expired = free_port(), free_port(), free_port()
        folder.mkdir()
        self.authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca_file))
        yesterday = datetime.now(UTC) - timedelta(days=1)
        good = _pem(folder / "broker.pem", self.authority.issue_cert("127.0.0.1"))
        late = _pem(folder / "late.pem", self.authority.issue_cert("127.0.0.1", not_after=yesterday))
        listeners = {"LOGIN": self.login, "TLS": self.tls, "EXPIRED": self.expired}
        more = [
            f"listener.security.protocol.map={_PROTOCOLS}",
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/",
            "super.users=User:ANONYMOUS",
            "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
            f'listener.name.login.plain.sasl.jaas.config={_PLAIN} required user_{USER}="{PASSWORD}";',
            f"listener.name.login.scram-sha-256.sasl.jaas.config={_SCRAM} required;",
            f"listener.name.login.scram-sha-512.sasl.jaas.config={_SCRAM} required;",
            f"listener.name.login.oauthbearer.sasl.jaas.config={_OAUTH} required;",
            f"listener.name.login.oauthbearer.sasl.server.callback.handler.class={_UNSECURED}ValidatorCallbackHandler",
            *_tls("login", good, self.ca_file, "none"),
            *_tls("tls", good, self.ca_file, "required"),
            *_tls("expired", late, self.ca_file, "none"),
        ]
        users = [f"{kind}=[name={USER},password={PASSWORD}]" for kind in ("SCRAM-SHA-256", "SCRAM-SHA-512")]
        super().__init__(folder / "kafka", listeners=listeners, more=more, users=users)

    def certificate(self, file: Path, name: str) -> Path:
        """Write a client's certificate and key."""
        return _pem(file, self.authority.issue_cert("client.example", common_name=name))


def _tls(listener: str, pem: Path, ca_file: Path, client_auth: str) -> list[str]:
    prefix = f"listener.name.{listener}.ssl"
    return [
        f"{prefix}.keystore.type=PEM",
        f"{prefix}.keystore.location={pem}",
        f"{prefix}.truststore.type=PEM",
        f"{prefix}.truststore.location={ca_file}",
        f"{prefix}.client.auth={client_auth}",
    ]


def _pem(file: Path, issued: trustme.LeafCert) -> Path:
    """Write a key, as PKCS #8, which Java wants, and its certificates."""
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(b"".join([plain, *(pem.bytes() for pem in issued.cert_chain_pems)]))
    return file


def token(user: str, life_s: float = 600) -> str:
    """Return an unsigned token (RFC 7519 section 6), as the broker of the tests believes it."""
    now = time.time()
    parts: list[dict[str, Any]] = [{"alg": "none"}, {"sub": user, "iat": now - 1, "exp": now + life_s}]
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*coded, ""])


async def grant(broker: Kafka, user: str, rights: Sequence[Right]) -> None:
    """Give a user rights; those to transactional ids are to all that begin so."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    await admin.start()
    try:
        client = admin._client
        asked = [
            (
                _RESOURCES[right.kind],
                right.name,
                _PREFIXED if right.kind == "transactional id" else _LITERAL,
                f"User:{user}",
                "*",
                _OPERATIONS[right.operation],
                _ALLOW,
            )
            for right in rights
        ]
        answer = await client.send(client.get_random_node(), _CreateAclsRequest(asked))
        assert not any(code for code, _ in answer.results), answer.results
    finally:
        await admin.close()


class _CreateAclsResponse(Response):  # type: ignore[misc] # aiokafka has no types
    API_KEY = 30
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32), ("results", Array(("error_code", Int16), ("error_message", String("utf-8"))))
    )


class _CreateAclsRequestV1(RequestStruct):  # type: ignore[misc] # aiokafka has no types
    API_KEY = 30
    API_VERSION = 1
    RESPONSE_TYPE = _CreateAclsResponse
    SCHEMA = Schema(
        (
            "creations",
            Array(
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
                ("resource_pattern_type", Int8),
                ("principal", String("utf-8")),
                ("host", String("utf-8")),
                ("operation", Int8),
                ("permission_type", Int8),
            ),
        )
    )


class _CreateAclsRequest(Request[_CreateAclsRequestV1]):  # type: ignore[misc] # aiokafka has no types
    API_KEY = 30

    def __init__(self, creations: Sequence[tuple[int, str, int, str, str, int, int]]) -> None:
        self._creations = list(creations)

    def build(self, request_struct_class: type[_CreateAclsRequestV1]) -> _CreateAclsRequestV1:
        return request_struct_class(self._creations)


@contextmanager
def secured(folder: Path) -> Iterator[Secured]:
    """Run the broker."""
    broker = Secured(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
