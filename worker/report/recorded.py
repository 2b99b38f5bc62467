"""What handlers recorded, read from the records that went out."""

from __future__ import annotations

import msgspec

from worker.outputs import Output


class _Command(msgspec.Struct):
    handler: str
    method: str


class _Commands(msgspec.Struct):
    commands: list[_Command]


class _Enrollment(msgspec.Struct):
    endpoint: str


_commands = msgspec.json.Decoder(_Commands).decode
_enrollment = msgspec.json.Decoder(_Enrollment).decode


def methods_of(output: Output) -> list[tuple[str, str]]:
    """Return handler and method of each call in a commands record."""
    return [(each.handler, each.method) for each in _commands(output.value).commands]


def endpoint_of(output: Output) -> str:
    """Return where an enrollment goes."""
    return _enrollment(output.value).endpoint
