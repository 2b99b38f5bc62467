"""Claims of a store in one bucket: one call of one script per batch, linking within the script."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from worker.experiments.claims import Proposal, Published
from worker.stores.redis_client import Client, Script
from worker.stores.redis_records import Answer, Layout, decode, encode

CLAIM = Script("bucket.lua", "claim.lua")


class Claiming(Protocol):
    """Asks the store once.

    Raises RedisError and OSError: asked again, it answers the same. What was to be confirmed may be confirmed or not.
    Raises msgspec.DecodeError where a record is none of the worker's.
    """

    async def ask(
        self, proposals: Sequence[Proposal], confirms: Sequence[Published], buckets: Collection[int]
    ) -> Answer:
        """Confirm, answer the proposals, and tell the stamps of these buckets too."""
        ...


class ScriptClaims:
    """Claims in the one bucket of a server."""

    def __init__(self, client: Client, layout: Layout) -> None:
        self._client = client
        self._layout = layout

    async def ask(
        self, proposals: Sequence[Proposal], confirms: Sequence[Published], buckets: Collection[int]
    ) -> Answer:
        """Do all of it in one call."""
        del buckets  # the one there is
        keys, argument = encode(self._layout, proposals, confirms)
        return decode(await self._client.run(CLAIM, keys, argument), proposals)
