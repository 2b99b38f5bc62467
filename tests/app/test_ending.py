from __future__ import annotations

import os
import signal

import pytest

from worker.app.ending import Ending


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    return codes


def test_only_a_second_signal_ends_the_process(exits: list[int]) -> None:
    ending = Ending()
    ending.signalled(signal.SIGINT)
    assert (exits, ending.reason) == ([], "SIGINT")
    ending.signalled(signal.SIGTERM)
    assert exits == [128 + signal.SIGTERM]


def test_a_signal_after_the_parents_order_is_the_first_one(exits: list[int]) -> None:
    ending = Ending()
    ending.ask("the parent let go")
    ending.signalled(signal.SIGTERM)
    assert (exits, ending.reason) == ([], "the parent let go")
