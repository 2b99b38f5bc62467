"""Every store that keeps assignments, each opened empty: a suite that asks for `store` runs over all of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from worker.experiments.claims import AssignmentStore
from worker.stores.memory import MemoryStore


@asynccontextmanager
async def memory() -> AsyncIterator[AssignmentStore]:
    yield MemoryStore()


STORES: Mapping[str, Callable[[], AbstractAsyncContextManager[AssignmentStore]]] = {"memory": memory}


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[AssignmentStore]:
    async with STORES[request.param]() as opened:
        yield opened
