"""What everything that counts deaths keeps to: a lane that opens and never ends is a process that died."""

from __future__ import annotations

from worker.streams.kafka.trials import Trials

PLACE, OTHER = "group/in/0", "group/in/1"
NOTHING = (0, 0)


async def die(trials: Trials, times: int, *, at: int = 5, until: int = 30, on_trial: bool = False) -> None:
    """Let a lane open so many times and never end."""
    for _ in range(times):
        await trials.opened(PLACE, at, until)
        if on_trial:
            await trials.trying(PLACE, at)


async def test_one_death_is_no_suspicion(trials: Trials) -> None:
    await die(trials, 1)
    assert await trials.opened(PLACE, 5, 30) == NOTHING


async def test_two_deaths_in_one_place_have_records_tried_alone(trials: Trials) -> None:
    await die(trials, 2)
    assert await trials.opened(PLACE, 5, 30) == (30, 0)


async def test_deaths_with_work_done_between_them_do_not_add_up(trials: Trials) -> None:
    for offset in range(10):
        assert await trials.opened(PLACE, offset, 30) == NOTHING


async def test_lanes_that_end_in_good_order_are_no_deaths(trials: Trials) -> None:
    for _ in range(5):
        assert await trials.opened(PLACE, 5, 30) == NOTHING
        await trials.closed(PLACE)


async def test_lanes_that_end_between_deaths_hide_none(trials: Trials) -> None:
    await die(trials, 1)
    await trials.opened(PLACE, 5, 30)
    await trials.closed(PLACE)
    await die(trials, 1)
    assert await trials.opened(PLACE, 5, 30) == (30, 0)


async def test_what_is_suspected_stays_so_while_records_before_it_are_tried(trials: Trials) -> None:
    await die(trials, 3)
    assert await trials.opened(PLACE, 9, 34) == (30, 0)
    await trials.closed(PLACE)
    assert await trials.opened(PLACE, 12, 37) == (30, 0)


async def test_more_deaths_widen_no_suspicion(trials: Trials) -> None:
    await die(trials, 3)
    await die(trials, 3, at=9, until=34)
    assert await trials.opened(PLACE, 9, 34) == (30, 0)


async def test_what_is_behind_the_suspected_records_begins_anew(trials: Trials) -> None:
    await die(trials, 3)
    await die(trials, 2, at=40, until=65)
    assert await trials.opened(PLACE, 40, 65) == (65, 0)


async def test_processes_that_die_while_a_record_is_on_trial_are_counted(trials: Trials) -> None:
    await die(trials, 2)
    for deaths in range(4):
        assert await trials.opened(PLACE, 5, 30) == (30, deaths)
        await trials.trying(PLACE, 5)


async def test_a_record_that_got_through_is_not_blamed(trials: Trials) -> None:
    await die(trials, 3)
    await trials.trying(PLACE, 5)
    assert await trials.opened(PLACE, 6, 31) == (30, 0)


async def test_the_first_record_blamed_after_others_got_through(trials: Trials) -> None:
    await die(trials, 3)
    for offset in (5, 6, 7):
        await trials.trying(PLACE, offset)
    assert await trials.opened(PLACE, 7, 32) == (30, 1)
    assert await trials.opened(PLACE, 7, 32) == (30, 1)


async def test_a_trial_that_ended_in_good_order_is_no_death(trials: Trials) -> None:
    await die(trials, 3, on_trial=True)
    assert await trials.opened(PLACE, 5, 30) == (30, 3)
    await trials.trying(PLACE, 5)
    await trials.closed(PLACE)
    assert await trials.opened(PLACE, 5, 30) == (30, 3)


async def test_deaths_of_one_record_are_none_of_the_next(trials: Trials) -> None:
    await die(trials, 5, on_trial=True)
    assert await trials.opened(PLACE, 6, 31) == (30, 0)


async def test_nothing_is_suspected_where_nothing_has_come(trials: Trials) -> None:
    await die(trials, 4, until=5)
    alone_until, _ = await trials.opened(PLACE, 5, 5)
    assert alone_until <= 5
    assert await trials.opened(PLACE, 5, 6) == (6, 0)


async def test_places_are_apart(trials: Trials) -> None:
    await die(trials, 5, on_trial=True)
    assert await trials.opened(OTHER, 5, 30) == NOTHING


async def test_closing_what_never_opened_does_nothing(trials: Trials) -> None:
    await trials.closed(PLACE)
    await die(trials, 1)
    assert await trials.opened(PLACE, 5, 30) == NOTHING


async def test_large_offsets_are_kept_as_they_are(trials: Trials) -> None:
    large = 2**53 - 9
    await die(trials, 2, at=large, on_trial=True)
    assert await trials.opened(PLACE, large, large + 8) == (large + 8, 2)
