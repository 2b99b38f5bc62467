"""Looking into the store in Redis without a trace: plain reads, no ttl refreshed, nothing written."""

from __future__ import annotations

from collections.abc import Sequence

from worker.experiments.claims import Assignment
from worker.experiments.subjects import Subject
from worker.stores.redis_client import Client, Command
from worker.stores.redis_errors import StoreRefusedError, explained
from worker.stores.redis_records import Layout, record_of
from worker.stores.redis_server import stored_peppers


class RedisReader:
    """Reads the records of one store, which the pepper of that `fingerprint` made."""

    def __init__(self, client: Client, layout: Layout, fingerprint: str) -> None:
        self._client = client
        self._layout = layout
        self._fingerprint = fingerprint

    async def records(self, experiment_id: str, subjects: Sequence[Subject]) -> list[Assignment | None]:
        """Return the subjects' records of an experiment.

        Raises:
            StoreUnavailableError: the server can't be asked now.
            StoreRefusedError: it refuses, or its keys were made with another pepper.
        """
        commands: list[Command] = [("HGET", self._layout.key_of(subject.hex), experiment_id) for subject in subjects]
        with explained(self._client.url):
            await self._check()
            found = await self._client.call_all(commands)
        return [None if value is None else record_of(value) for value in found]

    async def _check(self) -> None:
        for stored in await stored_peppers(self._client, self._layout) - {self._fingerprint}:
            raise StoreRefusedError(
                f"subjects.pepper: the keys under {self._layout.prefix} were made with another pepper (fingerprint"
                f" found {stored}, expected {self._fingerprint}): with this one, nobody would be found"
            )
