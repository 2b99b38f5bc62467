"""Recording what a handler asks for."""

from __future__ import annotations

import pytest

from worker.handlers import checks
from worker.handlers.errors import WrongUseError
from worker.handlers.recorder import Recorder


def test_a_command_is_json_with_its_handler() -> None:
    recorder = Recorder('"grüße"'.encode())
    recorder.command("access.deny", ("reason", "café", checks.text))
    recorded = recorder.close()
    assert recorded is not None
    assert recorded.commands == ('{"handler":"grüße","method":"access.deny","args":["café"]}'.encode(),)


def test_commands_and_enrollments_keep_their_order() -> None:
    recorder = Recorder(b'"h"')
    for reason in ("a", "b"):
        recorder.command("access.deny", ("reason", reason, checks.text))
        recorder.enrollment(reason, {})
    recorded = recorder.close()
    assert recorded is not None
    assert [command[-5:-2] for command in recorded.commands] == [b'"a"', b'"b"']
    assert recorded.enrollments == (("a", b"{}"), ("b", b"{}"))


def test_an_options_object_that_would_be_empty_is_left_out() -> None:
    recorder = Recorder(b'"h"')
    recorder.command("x.y", options=(("someOption", None, checks.flag),))
    recorded = recorder.close()
    assert recorded is not None
    assert recorded.commands[0].endswith(b'"args":[]}')


def test_nothing_recorded_is_none() -> None:
    assert Recorder(b'"h"').close() is None


def test_once_closed_it_refuses_more_and_what_it_gave_stays() -> None:
    recorder = Recorder(b'"h"')
    recorder.enrollment("a", {})
    recorded = recorder.close()
    with pytest.raises(WrongUseError, match="the handler's time is over"):
        recorder.enrollment("b", {})
    with pytest.raises(WrongUseError, match="the handler's time is over"):
        recorder.command("access.deny", ("reason", "late", checks.text))
    assert recorder.close() == recorded
