from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest

from tests.simulate.simulated import log
from worker.formats.decode import Limits
from worker.formats.read import read
from worker.records import Record, Rejected
from worker.simulate.lines import Flaw


def test_every_kind_of_bad_input_occurs_and_oversize_is_rare() -> None:
    kinds = Counter(line.kind for line in log(malformed=1.0))

    assert set(kinds) == {*get_args(Flaw), "blank"}
    assert kinds["too_large"] == len(log(malformed=1.0)) // 2000


def test_a_worker_finds_the_flaw_that_was_made() -> None:
    for number, line in enumerate(log(events=2100, malformed=1.0)):
        if line.kind != "blank":
            with pytest.raises(Rejected) as caught:
                read(Record(line.value, f"log/{number}"), Limits())
            assert caught.value.reason == line.kind


def test_an_oversize_line_is_just_beyond_the_limit() -> None:
    oversize = next(line.value for line in log(malformed=1.0) if line.kind == "too_large")

    assert 0 < len(oversize) - Limits().max_bytes < 5000


def test_blank_lines_are_blank() -> None:
    assert {line.value for line in log(malformed=1.0) if line.kind == "blank"} == {b"", b"  "}


def test_no_line_holds_a_line_break() -> None:
    assert not [line for line in (*log(), *log(malformed=1.0)) if b"\n" in line.value or b"\r" in line.value]


def test_the_rate_is_the_share_of_lines_replaced() -> None:
    pairs = list(zip(log(), log(malformed=0.1), strict=True))
    replaced = sum(good != spoiled for good, spoiled in pairs)

    assert 0.08 < replaced / len(pairs) < 0.12
    assert replaced == sum(spoiled.kind in {*get_args(Flaw), "blank"} for _, spoiled in pairs)
