"""What the worker may do on the cluster, asked before it begins: one list of what is missing, not a lane's errors.

Brokers tell a user's rights with their answers (KIP-430, from 2.3 on). Rights to transactional ids are not told; that
their coordinator may be looked up shows that there is one at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import TransactionalIdAuthorizationFailed, for_code
from aiokafka.protocol.coordination import FindCoordinatorRequest

from worker.streams.kafka.cluster import ClusterError, Connection, administered
from worker.streams.kafka.requests import DescribeGroupsRequest, MetadataRequest

Operation = Literal["Read", "Write", "DescribeConfigs"]
_BITS: dict[Operation, int] = {"Read": 3, "Write": 4, "DescribeConfigs": 10}  # org.apache.kafka.common.acl.AclOperation
_DESCRIBE = 8
_TOPIC_DENIED, _GROUP_DENIED = 29, 30  # the protocol's error codes
_GROUPS, _TRANSACTIONS = 0, 1  # kinds of coordinators


class Right(NamedTuple):
    """An operation on a resource, as an ACL grants it; `name` is a topic, a group or a transactional id's beginning.

    `example` is one of the transactional ids that begin so.
    """

    kind: Literal["topic", "group", "transactional id"]
    name: str
    operation: Operation
    example: str = ""

    def __str__(self) -> str:
        """Return it as a sentence's part."""
        return f"{self.operation} on {self.kind} {self.name}{'*' if self.kind == 'transactional id' else ''}"


async def check_rights(connection: Connection, user: str, wanted: Sequence[Right]) -> None:
    """Return if the worker has them all; brokers without an authorizer grant everything.

    Raises:
        ClusterError: some are missing, each is named; or no broker answers.
    """
    lacking = await lacking_rights(connection, wanted)
    if lacking:
        raise ClusterError(
            "\n".join([f"{user}: the cluster's ACLs lack {right}" for right in lacking])
            + "\nexpected the rights that docs/connecting.md lists"
        )


async def lacking_rights(connection: Connection, wanted: Sequence[Right]) -> list[Right]:
    """Return those that the worker does not have.

    Raises:
        ClusterError: no broker answers, or it refuses to tell.
    """
    async with administered(connection) as admin:
        topics = await _topics(admin, sorted({right.name for right in wanted if right.kind == "topic"}))
        found = []
        for right in wanted:
            match right.kind:
                case "topic":
                    operations = topics.get(right.name)
                case "group":
                    operations = await _group(admin, right.name)
                case _:
                    operations = await _transactional_id(admin, right.example)
            if operations is not None and not operations >> _BITS[right.operation] & 1:
                found.append(right)
        return found


async def hidden_topics(connection: Connection, names: Sequence[str]) -> list[str]:
    """Return those of the topics that the worker may not see, whether they are there or not.

    Raises:
        ClusterError: no broker answers.
    """
    async with administered(connection) as admin:
        return [name for name, operations in (await _topics(admin, names)).items() if operations == 0]


async def _topics(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, int | None]:
    """Return the operations on each topic as a set of bits; None: missing, or not told; 0: not even to see it."""
    client = admin._client  # noqa: SLF001 - aiokafka offers no other way in
    answer = await client.send(client.get_random_node(), MetadataRequest(names))
    return {
        name: 0 if code == _TOPIC_DENIED else _told(code, operations) for code, name, _, _, operations in answer.topics
    }


async def _group(admin: AIOKafkaAdminClient, name: str) -> int | None:
    client = admin._client  # noqa: SLF001 - aiokafka offers no other way in
    node = client.get_random_node()
    coordinator = await client.send(node, FindCoordinatorRequest(name, _GROUPS))
    if coordinator.error_code:  # else it is being made, or moved: what may be done shows soon
        return 0 if coordinator.error_code == _GROUP_DENIED else None
    answer = await client.send(coordinator.coordinator_id, DescribeGroupsRequest([name]))
    [(code, _, _, _, _, _, operations)] = answer.groups
    return 0 if code == _GROUP_DENIED else _told(code, operations)


async def _transactional_id(admin: AIOKafkaAdminClient, example: str) -> int | None:
    client = admin._client  # noqa: SLF001 - aiokafka offers no other way in
    answer = await client.send(client.get_random_node(), FindCoordinatorRequest(example, _TRANSACTIONS))
    return 0 if for_code(answer.error_code) is TransactionalIdAuthorizationFailed else None


def _told(code: int, operations: int) -> int | None:
    """Return the operations if the broker told them: who may see a resource may describe it at the least."""
    told = not code and operations > 0 and operations >> _DESCRIBE & 1
    return operations if told else None
