from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.schemas.generated import everything


@pytest.fixture(scope="session")
def written() -> dict[str, list[Any]]:
    """All records of a generated run, by the name of their contract."""
    return asyncio.run(everything())
