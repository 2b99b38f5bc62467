"""One record in, one trigger, skip or rejection out."""

from __future__ import annotations

from typing import Any

import msgspec

from worker.formats import cloudevents, tenant_log, trigger
from worker.formats.decode import Limits, check_limits, decode, too_large
from worker.formats.splice import insert_member, set_member
from worker.records import Record, Rejected, Skipped
from worker.trigger import Trigger

_SPACE = b" \t\r\n"
_DIALECTS = (cloudevents, trigger, tenant_log)  # most telling mark first: a CloudEvent also has a type and an id


class Read(msgspec.Struct, frozen=True):
    """A record that is a trigger.

    `document` is what its bytes say, None where they were read without decoding all: then the object that receives the
    context is there and has none yet.
    """

    record: Record
    trigger: Trigger
    document: dict[str, Any] | None

    def with_context(self, context: bytes) -> bytes:
        """Return the record's bytes with `experiment` set to that JSON text and nothing else changed."""
        raw, path = self.record.value, self.trigger.context_path
        if self.document is None:
            return insert_member(raw, path, "experiment", context)
        return set_member(raw, self.document, path, "experiment", context)


def read(record: Record, limits: Limits) -> Read | Skipped:
    """Read a record.

    Raises:
        Rejected: the record is bad input; see `DeadLetterReason`.
    """
    if record.headers and (attributes := cloudevents.attributes_of(record)) is not None:
        return _read_binary(record, attributes, limits)
    _check(record, limits)
    straight = trigger.read_straight(record)
    if straight is not None:
        return Read(record, straight, None)
    if not record.value.strip(_SPACE) and (nothing := _nothing(record)):
        return nothing
    return _read_document(record, decode(record.value))


def _read_binary(record: Record, attributes: cloudevents.Attributes, limits: Limits) -> Read | Skipped:
    """Read a CloudEvent whose attributes are headers; a type that is no trigger is skipped whatever its value is."""
    kind = cloudevents.kind_of(attributes.get("ce_type"), "ce_type")
    if isinstance(kind, Skipped):
        return kind
    _check(record, limits)
    if not record.value.strip(_SPACE) and (nothing := _nothing(record)):
        return nothing
    document = decode(record.value)
    if cloudevents.recognises(document):  # structured all the same: an event object has no specversion
        return _read_document(record, document)
    return Read(record, cloudevents.read_data(kind, attributes, document, record), document)


def _read_document(record: Record, document: dict[str, Any]) -> Read | Skipped:
    for dialect in _DIALECTS:
        if dialect.recognises(document):
            found = dialect.read(document, record)
            return found if isinstance(found, Skipped) else Read(record, found, document)
    raise Rejected(
        "unknown_format",
        "expected a trigger event (trigger, event), a CloudEvent (specversion) or a tenant log event (type, log_id)",
    )


def _check(record: Record, limits: Limits) -> None:
    if record.oversize is not None:
        raise too_large(record.oversize.size, limits)
    check_limits(record.value, limits)


def _nothing(record: Record) -> Skipped | None:
    """Return the skip of a record without a value: a tombstone has a key, a line of a file has no timestamp."""
    if record.key is not None and not record.value:
        return Skipped("tombstone")
    return Skipped("blank") if record.timestamp is None else None
