"""Dead letters: inputs that could not be processed, as they were."""

from __future__ import annotations

from pydantic import Base64Bytes, Field

from schemas.base import WireModel
from schemas.vocabulary import DeadLetterReason, Stage


class DeadLetter(WireModel):
    """A dead letter as a line of `dead_letters.ndjson`; on a topic the same stands in `error.*` headers.

    `source` is the input's place, `time` (RFC 3339) when it was given up, `headers` those of the input
    as `[name, base64 value]`, repeated names kept.
    `value_base64` is null where the input was too large to keep: `size` (bytes) and `sha256` stand for it then.
    """

    reason: DeadLetterReason
    message: str = Field(max_length=1024)
    stage: Stage
    source: str
    time: str
    key_base64: Base64Bytes | None
    value_base64: Base64Bytes | None
    headers: list[tuple[str, str]]
    size: int | None = None
    sha256: str | None = None
