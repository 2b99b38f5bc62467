"""A group coordinator that minds what aiokafka 0.14 passes over in the coordinator's answers.

OffsetFetch from version 2 on has an error code for the whole answer. aiokafka does not look at it: while the
coordinator loads its log (a broker restarted), the answer has no offsets, and `committed()` says None, as if nothing
had ever been committed. A lane that believed it would start at the beginning and double a whole partition.

The same place sees when the group does not know this member any longer; that, again and again, means that another
worker uses the same `kafka.group_instance_id`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, errors
from aiokafka.consumer.group_coordinator import GroupCoordinator

_MOVED = (errors.NotCoordinatorForGroupError, errors.GroupCoordinatorNotAvailableError)
_FETCH_KEY = 1
_FETCH_MIN_4_0 = 4  # KIP-896: brokers from 4.0 on don't know older versions of Fetch
_AGREE_AFTER_SECONDS = 0.5
_UNKNOWN_MEMBER = frozenset({25, 82})  # UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID (the protocol's error codes)


async def shows_commits_at_once(consumer: AIOKafkaConsumer) -> bool:
    """Tell whether the brokers are 4.0 or later: older ones may show an offset a moment after its commit has ended."""
    client = consumer._client  # noqa: SLF001 - aiokafka offers no other way in
    connection = await client._get_conn(client.get_random_node())  # noqa: SLF001
    oldest, _ = connection._versions[_FETCH_KEY]  # noqa: SLF001
    return bool(oldest >= _FETCH_MIN_4_0)


async def settled_offset(
    read: Callable[[], Awaitable[int | None]], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> int | None:
    """Return what two reads, half a second apart, agree on."""
    found = await read()
    while True:
        await sleep(_AGREE_AFTER_SECONDS)
        again = await read()
        if again == found:
            return found
        found = again


def mind_answers(consumer: AIOKafkaConsumer, member_lost: Callable[[], None]) -> None:
    """Let a started consumer raise the coordinator's errors; `member_lost` is told of each lost membership."""
    coordinator = consumer._coordinator  # noqa: SLF001 - aiokafka offers no other way in
    if not isinstance(coordinator, GroupCoordinator):
        raise TypeError(f"the consumer has a {type(coordinator).__name__}, expected one that is in a group")
    send = coordinator._send_req  # noqa: SLF001

    async def send_minding_errors(request: Any) -> Any:
        response = await send(request)
        code = getattr(response, "error_code", 0)
        if code in _UNKNOWN_MEMBER:
            member_lost()
        if code and type(response).__name__.startswith("OffsetFetchResponse"):
            error = errors.for_code(code)
            if error in _MOVED:
                coordinator.coordinator_dead()
            raise error
        return response

    coordinator._send_req = send_minding_errors  # noqa: SLF001
