"""The kinds of text and number that records have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Base64Bytes, Field, WithJsonSchema

Id = Annotated[str, Field(min_length=1)]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]  # RFC 3339, as it came
DerivedId = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
SubjectHash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Revision = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
Milliseconds = Annotated[str, Field(pattern="^-?[0-9]+$")]
Digits = Annotated[str, Field(pattern="^[0-9]+$")]
Count = Annotated[int, Field(ge=0)]
Base64 = Annotated[Base64Bytes, WithJsonSchema({"type": "string", "contentEncoding": "base64"})]
