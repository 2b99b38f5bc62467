from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest

from tests.simulate.simulated import log
from worker.simulate.lines import Line, Tally
from worker.simulate.options import TrafficOptions
from worker.simulate.send import Pace, keyed, send_log
from worker.streams.kafka.feed import Keyed


class Taken:
    """Takes records, and tells when and in which chunks they came."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.chunks: list[Sequence[Keyed]] = []
        self.times: list[float] = []
        self.stop = asyncio.Event()
        self._stop_after = stop_after

    async def send(self, records: Sequence[Keyed]) -> None:
        self.chunks.append(records)
        self.times.append(asyncio.get_running_loop().time())
        if len(self.chunks) == self._stop_after:
            self.stop.set()

    @property
    def records(self) -> list[Keyed]:
        return [record for chunk in self.chunks for record in chunk]


async def send(feed: Taken, *, events: int = 60, rate: float = 0.0, malformed: float = 0.0) -> tuple[Tally, list[int]]:
    tally, told = Tally(), list[int]()
    options = TrafficOptions(events=events, people=20, seed=3, malformed=malformed)
    await send_log(options, feed, Pace(rate), stop=feed.stop, tally=tally, sent=told.append)
    return tally, told


def line(*, value: bytes = b"{}", about: str = "auth0|1") -> Line:
    return Line(value, "trigger", person=1, arrival=0, about=about)


async def test_what_is_sent_is_what_a_file_would_hold() -> None:
    feed = Taken()
    await send(feed, events=2500)

    assert [record.value for record in feed.records] == [each.value for each in log(events=2500, people=20, seed=3)]


async def test_the_tally_and_the_caller_know_what_was_taken() -> None:
    tally, told = await send(Taken(), events=2500)

    assert told == [1000, 2000, 2500]
    assert tally.lines == 2500


async def test_a_rate_spreads_the_lines_over_time() -> None:
    feed = Taken()
    await send(feed, events=60, rate=200)

    assert [len(chunk) for chunk in feed.chunks] == [20, 20, 20]
    assert all(later - earlier > 0.05 for earlier, later in pairwise(feed.times))


@pytest.mark.parametrize(("rate", "chunk"), [(0, 1000), (0.5, 1), (5, 1), (300, 30), (50_000, 1000)])
def test_a_steady_rate_goes_in_small_chunks(rate: float, chunk: int) -> None:
    assert Pace(rate).chunk == chunk


def test_lines_are_due_by_how_many_went_before() -> None:
    assert [Pace(50).due(sent) for sent in (0, 50, 75)] == [0, 1, 1.5]


async def test_a_stop_ends_it_after_what_is_under_way() -> None:
    feed = Taken(stop_after=1)
    tally, _ = await send(feed, events=60, rate=100)

    assert tally.lines == len(feed.records) == 10


def test_a_key_holds_nothing_that_names_somebody() -> None:
    addressed = keyed(line(about="ada.lovelace1@example.com")).key

    assert addressed is not None
    assert addressed.isalnum()
    assert len(addressed) == 16
    assert addressed == keyed(line(about="ada.lovelace1@example.com", value=b"[]")).key
    assert addressed != keyed(line(about="auth0|1")).key


def test_an_empty_line_is_a_tombstone_and_other_bad_lines_stay_as_they_are() -> None:
    assert keyed(line(value=b"")).value is None
    assert keyed(line(value=b"  ")).value == b"  "
    assert keyed(line(value=b"\xff")).value == b"\xff"


def test_somebody_is_keyed_by_their_user_id_once_there_is_one() -> None:
    abouts = {(each.person, each.about, b'"pre_user_registration"' in each.value) for each in log()}
    early = {person: about for person, about, pre in abouts if pre}
    later = {person: about for person, about, pre in abouts if not pre and "|" in about}

    assert early
    assert early.keys() <= later.keys()
    assert all("|" not in about for about in early.values())
    assert len({(person, about) for person, about, _ in abouts if "|" in about}) == len(later)
