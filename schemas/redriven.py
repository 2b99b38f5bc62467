"""Marks of dead letters that were sent back, so that none goes twice."""

from __future__ import annotations

from pydantic import Field

from schemas.base import WireModel
from schemas.text import Time


class Redriven(WireModel):
    """A dead letter that was sent back, keyed by its place on a compacted topic."""

    letter: str = Field(description="Its place on the topic of dead letters, `<partition>/<offset>`.")
    source: str = Field(description="Where its input came from, `<topic>/<partition>/<offset>`.")
    redriven_at: Time = Field(description="When it was sent back.")
