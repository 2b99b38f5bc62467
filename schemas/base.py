"""What all wire models share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class WireModel(BaseModel):
    """A record as it crosses a wire: fields that are not declared here are kept and passed on."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())
