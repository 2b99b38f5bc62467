"""Ids that are derived, so that a record processed twice yields the same ones.

A UUIDv5 (RFC 9562 section 5.5) of the event's id (for CloudEvents within its `source`), the kind of output and its
index. The parts are length-prefixed, so that no two lists of parts spell one name.
"""

from __future__ import annotations

from hashlib import sha1
from uuid import UUID

from worker.trigger import Trigger

NAMESPACE = UUID("7d9b5c1e-2f0a-5e43-9a65-0c8f7c1f3b20")

_NAMESPACE = NAMESPACE.bytes
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))  # RFC 9562 section 4.1: the two top bits are 10


def derived_id(trigger: Trigger, kind: str, index: int = 0) -> str:
    """Return the id of that output of an event."""
    name = f"{len(trigger.id_scope)}:{trigger.id_scope}{len(trigger.id)}:{trigger.id}{kind}:{index}"
    digest = sha1(_NAMESPACE + name.encode(), usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{_VARIANT[digest[16]]}{digest[17:20]}-{digest[20:32]}"
