"""Dead letters: inputs that could not be processed, as they were."""

from __future__ import annotations

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from schemas.base import WireModel
from schemas.text import Base64, Count, Sha256, Time
from schemas.vocabulary import DeadLetterReason, Stage


class DeadLetter(WireModel):
    """A dead letter as a line of `dead_letters.ndjson`; on a topic the same stands in `error.*` headers.

    Where the input was too large to keep, `value_base64` is null and `size` and `sha256` stand for it.
    """

    model_config = ConfigDict(json_schema_extra={"dependentRequired": {"size": ["sha256"], "sha256": ["size"]}})

    reason: DeadLetterReason
    message: str = Field(max_length=1024, description="What was found and what was expected; never the input's text.")
    stage: Stage = Field(description="How far the input came.")
    source: str = Field(description="The input's place.")
    time: Time = Field(description="When it was given up (RFC 3339, UTC).")
    key_base64: Base64 | None = Field(description="The input's key; null: it has none.")
    value_base64: Base64 | None = Field(description="The input's bytes; null: they were too large to keep.")
    headers: list[tuple[str, Base64 | None]] = Field(
        description="Those of the input as `[name, base64 value]`, repeated names kept."
    )
    size: Count | SkipJsonSchema[None] = Field(None, description="The input's size in bytes.")
    sha256: Sha256 | SkipJsonSchema[None] = Field(None, description="The SHA-256 of the input, in hex.")


class OversizeInput(WireModel):
    """What stands on the topic for an input that does not fit it."""

    size: Count = Field(description="The input's size in bytes.")
    sha256: Sha256 = Field(description="The SHA-256 of the input, in hex.")
    source: str = Field(description="The input's place.")
