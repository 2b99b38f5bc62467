"""One record in, one trigger, skip or rejection out."""

from __future__ import annotations

from typing import Any

import msgspec

from worker.formats import cloudevents, tenant_log, trigger
from worker.formats.decode import Limits, decode, too_large
from worker.formats.splice import set_member
from worker.records import Record, Rejected, Skipped
from worker.trigger import Trigger

_DIALECTS = (cloudevents, trigger, tenant_log)  # most telling mark first: a CloudEvent also has a type and an id


class Read(msgspec.Struct, frozen=True):
    """A record that is a trigger, with the object that its bytes say."""

    record: Record
    document: dict[str, Any]
    trigger: Trigger

    def with_context(self, context: bytes) -> bytes:
        """Return the record's bytes with `experiment` set to that JSON text and nothing else changed."""
        return set_member(self.record.value, self.document, self.trigger.context_path, "experiment", context)


def read(record: Record, limits: Limits) -> Read | Skipped:
    """Read a record.

    Raises:
        Rejected: the record is bad input; see `DeadLetterReason`.
    """
    if record.oversize is not None:
        raise too_large(record.oversize.size, limits)
    document = decode(record.value, limits)
    for dialect in _DIALECTS:
        if dialect.recognises(document):
            found = dialect.read(document, record)
            return found if isinstance(found, Skipped) else Read(record, document, found)
    raise Rejected(
        "unknown_format",
        "expected a trigger event (trigger, event), a CloudEvent (specversion) or a tenant log event (type, log_id)",
    )
