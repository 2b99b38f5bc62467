"""What every store of assignments keeps to: the first variation a subject was given, whoever asks and how often."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.experiments_factory import new_experiment, new_proposal, subjects
from worker.experiments.claims import (
    Assignment,
    AssignmentStore,
    Behind,
    Claim,
    Held,
    Proposal,
    Published,
    Vacant,
    Withdrawn,
)
from worker.experiments.definitions import Experiment
from worker.experiments.subjects import Subject

USER, MAIL, PHONE = "user:auth0|1", "identifier:ada@b.no", "identifier:+471"
ALL = new_experiment({"a": 50, "b": 50, "c": 0})


def at(day: int, *variations: str, **overrides: Any) -> Experiment:
    """The experiment as edited on that day, with these variations allocated."""
    updated_at = f"2026-01-{day:02}T00:00:00.000000Z"
    return new_experiment(dict.fromkeys(variations, 1), updated_at=updated_at, revision=f"r{day}", **overrides)


async def ask(store: AssignmentStore, proposal: Proposal) -> Claim:
    """Claim, and confirm what is offered, as a worker does that published it."""
    (claim,) = await store.claim([proposal])
    if isinstance(claim, Held):
        tenant, id_, version = proposal.trigger.tenant, proposal.experiment.id, claim.assignment.version
        store.confirm([Published(tenant, id_, subject, version) for subject in claim.unconfirmed])
    return claim


async def hold(
    store: AssignmentStore, id_: str, *names: str, draw: str | None = "a", of: Experiment = ALL, **options: Any
) -> Held:
    """Claim for the event `id_` of the subjects of those names, and confirm it; it must hold something."""
    claim = await ask(store, new_proposal(id_, *names, draw=draw, experiment=of, **options))
    assert isinstance(claim, Held)
    return claim


async def offered(
    store: AssignmentStore, id_: str, *names: str, draw: str | None = "a", of: Experiment = ALL
) -> tuple[Subject, ...]:
    """Claim for the event `id_` of the subjects of those names, confirm nothing, and return whom it offers."""
    (claim,) = await store.claim([new_proposal(id_, *names, draw=draw, experiment=of)])
    assert isinstance(claim, Held)
    return claim.unconfirmed


def published(*names: str, version: int = 0) -> list[Published]:
    return [Published(None, ALL.id, subject, version) for subject in subjects(*names)]


async def variations(store: AssignmentStore, *names: str, of: Experiment = ALL, tenant: str | None = None) -> list[str]:
    """Look what each of the names holds, "" for nothing, without drawing."""
    asked = [new_proposal("evt_look", name, draw=None, experiment=of, tenant=tenant) for name in names]
    return [claim.assignment.variation_id if isinstance(claim, Held) else "" for claim in await store.claim(asked)]


async def test_nothing_is_known_of_a_new_subject(store: AssignmentStore) -> None:
    assert await ask(store, new_proposal("evt_1", USER, MAIL, draw=None, experiment=ALL)) == Vacant()
    assert await variations(store, USER, MAIL) == ["", ""]


async def test_nothing_asked_is_nothing_answered(store: AssignmentStore) -> None:
    assert list(await store.claim([])) == []


async def test_what_is_drawn_is_written_for_all_identities(store: AssignmentStore) -> None:
    experiment = at(1, "a", "b")
    held = await hold(store, "evt_1", USER, MAIL, PHONE, of=experiment, time="2026-01-05T10:00:00Z")
    expected = Assignment("a", 0, "r1", "2026-01-01T00:00:00.000000Z", "evt_1", "2026-01-05T10:00:00Z")
    assert held == Held(expected, 0, subjects(USER, MAIL, PHONE))
    assert await variations(store, USER, MAIL, PHONE) == ["a", "a", "a"]


async def test_the_first_writer_wins(store: AssignmentStore) -> None:
    first = await hold(store, "evt_1", USER, draw="a")
    second = await hold(store, "evt_2", USER, draw="b")
    assert second == Held(first.assignment, 0)


async def test_a_record_is_found_without_a_draw(store: AssignmentStore) -> None:
    first = await hold(store, "evt_1", USER)
    assert await hold(store, "evt_2", USER, draw=None) == Held(first.assignment, 0)


async def test_the_same_event_again_gets_the_same_answer_and_writes_nothing(store: AssignmentStore) -> None:
    first = await hold(store, "evt_1", USER, MAIL)
    assert await hold(store, "evt_1", USER, MAIL) == Held(first.assignment, 0)
    assert await hold(store, "evt_1", USER, MAIL, draw="b") == Held(first.assignment, 0)


async def test_later_proposals_of_a_batch_see_what_earlier_ones_wrote(store: AssignmentStore) -> None:
    batch = [
        new_proposal("evt_1", MAIL, draw="a", experiment=ALL),
        new_proposal("evt_2", USER, MAIL, draw="b", experiment=ALL),
        new_proposal("evt_3", USER, draw="c", experiment=ALL),
        new_proposal("evt_3", USER, draw="c", experiment=ALL),
    ]
    claims = await store.claim(batch)
    assert [claim.assignment.event_id for claim in claims if isinstance(claim, Held)] == ["evt_1"] * 4
    offers = [subjects(MAIL), subjects(USER, MAIL), subjects(USER), subjects(USER)]
    assert [claim.unconfirmed for claim in claims if isinstance(claim, Held)] == offers


async def test_a_batch_is_answered_in_its_order(store: AssignmentStore) -> None:
    names = [f"user:{number}" for number in range(300)]
    draws = ["abc"[number % 3] for number in range(300)]
    batch = [new_proposal(name, name, draw=draw, experiment=ALL) for name, draw in zip(names, draws, strict=True)]
    claims = await store.claim(batch)
    assert [claim.assignment.variation_id for claim in claims if isinstance(claim, Held)] == draws
    assert await variations(store, *reversed(names)) == draws[::-1]


async def test_one_batch_may_hold_every_kind_of_answer(store: AssignmentStore) -> None:
    await hold(store, "evt_1", USER, draw="a", of=at(2, "a", "b"))
    claims = await store.claim(
        [
            new_proposal("evt_2", MAIL, draw=None, experiment=ALL),
            new_proposal("evt_3", USER, draw=None, experiment=at(3, "b")),
            new_proposal("evt_4", USER, draw="b", experiment=at(1, "b")),
            new_proposal("evt_5", USER, draw="b", experiment=at(3, "b")),
        ]
    )
    assert [type(claim) for claim in claims] == [Vacant, Withdrawn, Behind, Held]


@pytest.mark.parametrize(("names", "position"), [((USER, MAIL), 1), ((USER, PHONE, MAIL), 2), ((MAIL, PHONE), 0)])
async def test_identities_without_a_record_get_a_copy(
    store: AssignmentStore, names: tuple[str, ...], position: int
) -> None:
    first = await hold(store, "evt_1", MAIL, time="2026-01-05T10:00:00Z")
    held = await hold(store, "evt_2", *names, draw="b", of=at(2, "a", "b"), time="2026-01-06T10:00:00Z")
    assert held == Held(first.assignment, position, subjects(*(name for name in names if name != MAIL)))
    for name in names:
        assert await hold(store, "evt_3", name, draw="b") == Held(first.assignment, 0)


async def test_a_copy_needs_no_draw(store: AssignmentStore) -> None:
    await hold(store, "evt_1", MAIL)
    assert (await hold(store, "evt_2", USER, MAIL, draw=None, of=at(2, "a", status="paused"))).position == 1
    assert await variations(store, USER) == ["a"]


async def test_records_that_differ_stay_and_the_first_decides(store: AssignmentStore) -> None:
    await hold(store, "evt_1", MAIL, draw="a")
    mine = await hold(store, "evt_2", USER, draw="b")
    conflict = await hold(store, "evt_3", USER, MAIL, PHONE, draw="c")
    assert conflict == Held(mine.assignment, 0, subjects(PHONE), conflict=True)
    assert await variations(store, USER, MAIL, PHONE) == ["b", "a", "b"]
    assert (await hold(store, "evt_4", MAIL, USER, draw="c")).assignment.variation_id == "a"


async def test_a_conflict_between_later_identities_is_told_too(store: AssignmentStore) -> None:
    await hold(store, "evt_1", MAIL, draw="a")
    await hold(store, "evt_2", PHONE, draw="b")
    held = await hold(store, "evt_3", USER, MAIL, PHONE, draw="c")
    assert (held.position, held.assignment.variation_id) == (1, "a")
    assert (held.unconfirmed, held.conflict) == (subjects(USER), True)


async def test_records_of_one_variation_are_no_conflict(store: AssignmentStore) -> None:
    await hold(store, "evt_1", MAIL, draw="a")
    mine = await hold(store, "evt_2", USER, draw="a")
    assert await hold(store, "evt_3", USER, MAIL) == Held(mine.assignment, 0)
    assert (await hold(store, "evt_4", MAIL)).assignment.event_id == "evt_1"


async def test_a_withdrawn_variation_is_replaced_in_all_records_with_the_next_version(store: AssignmentStore) -> None:
    await hold(store, "evt_1", USER, MAIL, of=at(1, "a"))
    held = await hold(store, "evt_2", USER, MAIL, PHONE, draw="b", of=at(2, "b"), time=None)
    expected = Assignment("b", 1, "r2", "2026-01-02T00:00:00.000000Z", "evt_2", None)
    assert held == Held(expected, 0, subjects(USER, MAIL, PHONE))
    for name in (USER, MAIL, PHONE):
        assert await hold(store, "evt_3", name, draw="b", of=at(2, "b")) == Held(expected, 0)


@pytest.mark.parametrize("names", [(USER, MAIL), (MAIL, USER)])
async def test_the_next_version_is_above_the_highest_of_the_event(
    store: AssignmentStore, names: tuple[str, ...]
) -> None:
    await hold(store, "evt_1", MAIL, of=at(1, "a"))
    await hold(store, "evt_2", MAIL, draw="b", of=at(2, "b"))
    await hold(store, "evt_3", MAIL, draw="a", of=at(3, "a"))
    await hold(store, "evt_4", USER, draw="b", of=at(3, "b"))
    held = await hold(store, "evt_5", *names, draw="c", of=at(4, "c"))
    assert held.assignment.version == 3
    assert await variations(store, USER, MAIL, of=at(4, "c")) == ["c", "c"]


async def test_the_first_record_is_asked_whether_its_variation_is_withdrawn(store: AssignmentStore) -> None:
    await hold(store, "evt_1", USER, draw="a")
    await hold(store, "evt_2", MAIL, draw="b")
    assert (await hold(store, "evt_3", PHONE, MAIL, USER, draw="b", of=at(2, "b", "c"))).position == 1
    held = await hold(store, "evt_4", USER, MAIL, draw="c", of=at(2, "b", "c"))
    assert (held.assignment.version, held.conflict, held.unconfirmed) == (1, False, subjects(USER, MAIL))
    assert await variations(store, USER, MAIL) == ["c", "c"]


@pytest.mark.parametrize(("names", "position"), [((USER, MAIL), 1), ((PHONE, USER, MAIL), 2), ((USER, PHONE, MAIL), 2)])
async def test_what_another_identity_got_for_a_withdrawn_variation_counts_for_all(
    store: AssignmentStore, names: tuple[str, ...], position: int
) -> None:
    await hold(store, "evt_1", USER, MAIL, of=at(1, "a"))
    replaced = await hold(store, "evt_2", MAIL, draw="b", of=at(2, "b", "c"))
    held = await hold(store, "evt_3", *names, draw="c", of=at(3, "b", "c"))
    assert held == Held(replaced.assignment, position, subjects(*(name for name in names if name != MAIL)))
    assert await hold(store, "evt_4", USER, draw="c", of=at(3, "b", "c")) == Held(replaced.assignment, 0)


async def test_a_replacement_of_newer_definitions_is_not_taken_over_by_older_ones(store: AssignmentStore) -> None:
    await hold(store, "evt_1", USER, of=at(1, "a"))
    await hold(store, "evt_2", MAIL, of=at(1, "a"))
    await hold(store, "evt_3", MAIL, draw="b", of=at(3, "b"))
    assert await ask(store, new_proposal("evt_4", USER, MAIL, draw="c", experiment=at(2, "b", "c"))) == Behind()
    assert await variations(store, USER, MAIL, of=at(1, "a", "b")) == ["a", "b"]


async def test_an_allocated_record_of_an_older_version_stays_beside_a_replacement(store: AssignmentStore) -> None:
    await hold(store, "evt_1", USER, of=at(1, "a"))
    await hold(store, "evt_2", PHONE, draw="c", of=at(1, "c"))
    await hold(store, "evt_3", MAIL, of=at(1, "a"))
    replaced = await hold(store, "evt_4", MAIL, draw="b", of=at(2, "b", "c"))
    held = await hold(store, "evt_5", USER, MAIL, PHONE, draw="c", of=at(2, "b", "c"))
    assert held == Held(replaced.assignment, 1, subjects(USER), conflict=True)
    assert await variations(store, USER, MAIL, PHONE, of=at(2, "b", "c")) == ["b", "b", "c"]


async def test_the_event_that_replaced_a_record_gets_the_same_answer_again(store: AssignmentStore) -> None:
    await hold(store, "evt_1", USER, of=at(1, "a"))
    held = await hold(store, "evt_2", USER, draw="b", of=at(2, "b"))
    assert await hold(store, "evt_2", USER, draw="b", of=at(2, "b")) == Held(held.assignment, 0)


@pytest.mark.parametrize("status", ["active", "paused"])
async def test_a_withdrawn_variation_without_a_draw_stays(store: AssignmentStore, status: str) -> None:
    await hold(store, "evt_1", USER)
    asked = new_proposal("evt_2", USER, MAIL, draw=None, experiment=at(2, "b", status=status))
    assert await ask(store, asked) == Withdrawn()
    assert await variations(store, USER, MAIL) == ["a", ""]


async def test_paused_definitions_replace_nothing(store: AssignmentStore) -> None:
    await hold(store, "evt_1", USER)
    asked = new_proposal("evt_2", USER, MAIL, draw="b", experiment=at(2, "b", status="paused"))
    assert await ask(store, asked) == Withdrawn()
    assert await variations(store, USER, MAIL) == ["a", ""]


@pytest.mark.parametrize("draw", [None, "b"])
async def test_older_definitions_than_a_records_replace_nothing(store: AssignmentStore, draw: str | None) -> None:
    await hold(store, "evt_1", USER, of=at(2, "a"))
    asked = new_proposal("evt_2", USER, MAIL, draw=draw, experiment=at(1, "b"))
    assert await ask(store, asked) == Behind()
    assert await variations(store, USER, MAIL) == ["a", ""]


async def test_no_record_of_the_event_that_is_newer_is_replaced(store: AssignmentStore) -> None:
    await hold(store, "evt_1", USER, of=at(1, "a"))
    await hold(store, "evt_2", MAIL, of=at(3, "a"))
    assert await ask(store, new_proposal("evt_3", USER, MAIL, draw="b", experiment=at(2, "b"))) == Behind()
    assert await variations(store, USER, MAIL) == ["a", "a"]
    assert (await hold(store, "evt_4", USER, MAIL, draw="b", of=at(3, "b"))).assignment.version == 1


@pytest.mark.parametrize(
    ("theirs", "ours"), [(None, "2025-01-01T00:00:00.000000Z"), ("2026-01-01T00:00:00.000000Z", None), (None, None)]
)
async def test_definitions_without_a_time_are_never_behind(
    store: AssignmentStore, theirs: str | None, ours: str | None
) -> None:
    await hold(store, "evt_1", USER, of=new_experiment({"a": 1}, updated_at=theirs))
    held = await hold(store, "evt_2", USER, draw="b", of=new_experiment({"b": 1}, updated_at=ours))
    assert (held.assignment.version, held.assignment.updated_at) == (1, ours)


async def test_experiments_are_apart(store: AssignmentStore) -> None:
    other = new_experiment({"a": 1, "b": 1}, id="exp_b")
    await hold(store, "evt_1", USER)
    assert await variations(store, USER, of=other) == [""]
    await hold(store, "evt_2", USER, draw="b", of=other)
    assert await variations(store, USER) == ["a"]


async def test_tenants_are_apart(store: AssignmentStore) -> None:
    tenants = ("acme", "other", None)
    for tenant, draw in zip(tenants, "abc", strict=True):
        await hold(store, "evt_1", USER, MAIL, draw=draw, tenant=tenant)
    assert [await variations(store, USER, MAIL, tenant=tenant) for tenant in tenants] == [[draw] * 2 for draw in "abc"]


async def test_users_identifiers_and_devices_of_one_name_are_apart(store: AssignmentStore) -> None:
    names = ["user:1", "identifier:1", "device:1"]
    for name, draw in zip(names, "abc", strict=True):
        await hold(store, "evt_1", name, draw=draw)
    assert await variations(store, *names) == ["a", "b", "c"]


@pytest.mark.parametrize("event_id", ["a b", "1\n2\r\n", "|:\x00\x1f", "blåbær", "x" * 2000, "0"])
async def test_a_record_keeps_what_it_was_given(store: AssignmentStore, event_id: str) -> None:
    experiment = new_experiment({"v|ø": 1}, updated_at=None, revision="0")
    first = await hold(store, event_id, USER, draw="v|ø", of=experiment, time=None)
    assert first.assignment == Assignment("v|ø", 0, "0", None, event_id, None)
    assert await hold(store, "evt_2", USER, draw="v|ø", of=experiment) == Held(first.assignment, 0)


@pytest.mark.parametrize("text", ["", "\x00", "a\n\nb", "+", "-1"])
async def test_texts_are_not_mixed_up(store: AssignmentStore, text: str) -> None:
    experiment = new_experiment({text: 1}, id=text, updated_at=text, revision=text)
    first = await hold(store, text, USER, MAIL, draw=text, of=experiment, time=text)
    assert first.assignment == Assignment(text, 0, text, text, text, text)
    assert await hold(store, "evt_2", MAIL, draw=None, of=experiment) == Held(first.assignment, 0)


async def test_what_nobody_confirmed_is_offered_again_to_whoever_uses_it(store: AssignmentStore) -> None:
    assert await offered(store, "evt_1", USER, MAIL) == subjects(USER, MAIL)
    assert await offered(store, "evt_1", USER, MAIL) == subjects(USER, MAIL)
    assert await offered(store, "evt_2", MAIL, draw="b") == subjects(MAIL)
    assert await offered(store, "evt_3", MAIL, USER, draw=None) == subjects(MAIL, USER)


async def test_what_was_confirmed_is_offered_no_more(store: AssignmentStore) -> None:
    await offered(store, "evt_1", USER, MAIL)
    store.confirm(published(USER))
    assert await offered(store, "evt_2", USER, MAIL) == subjects(MAIL)
    store.confirm(published(USER, MAIL))
    assert await offered(store, "evt_3", USER, MAIL) == ()


async def test_a_copy_is_confirmed_by_itself(store: AssignmentStore) -> None:
    await hold(store, "evt_1", MAIL)
    assert await offered(store, "evt_2", USER, MAIL) == subjects(USER)
    assert await offered(store, "evt_3", USER) == subjects(USER)
    store.confirm(published(USER))
    assert await offered(store, "evt_4", USER, MAIL) == ()


async def test_a_copy_of_what_nobody_confirmed_offers_both(store: AssignmentStore) -> None:
    await offered(store, "evt_1", MAIL)
    assert await offered(store, "evt_2", USER, MAIL) == subjects(USER, MAIL)


async def test_only_whose_record_decided_is_offered(store: AssignmentStore) -> None:
    await offered(store, "evt_1", MAIL, draw="b")
    await offered(store, "evt_2", USER, draw="a")
    assert await offered(store, "evt_3", USER, MAIL) == subjects(USER)


async def test_a_replacement_is_to_be_confirmed_anew(store: AssignmentStore) -> None:
    await hold(store, "evt_1", USER, of=at(1, "a"))
    assert await offered(store, "evt_2", USER, draw="b", of=at(2, "b")) == subjects(USER)
    store.confirm(published(USER, version=1))
    assert await offered(store, "evt_3", USER, draw="b", of=at(2, "b")) == ()


async def test_confirming_an_older_version_has_the_newer_one_offered_again(store: AssignmentStore) -> None:
    await hold(store, "evt_1", USER, of=at(1, "a"))
    await hold(store, "evt_2", USER, draw="b", of=at(2, "b"))
    assert await offered(store, "evt_3", USER, draw="b", of=at(2, "b")) == ()
    store.confirm(published(USER, version=0))
    assert await offered(store, "evt_4", USER, draw="b", of=at(2, "b")) == subjects(USER)


async def test_a_later_version_than_the_stored_one_confirms_it(store: AssignmentStore) -> None:
    await offered(store, "evt_1", USER)
    store.confirm(published(USER, version=3))
    assert await offered(store, "evt_2", USER) == ()


async def test_confirming_who_is_not_known_does_nothing(store: AssignmentStore) -> None:
    store.confirm(published(USER))
    assert await variations(store, USER) == [""]
    await offered(store, "evt_1", MAIL)
    store.confirm(published(USER))
    assert await offered(store, "evt_2", USER) == subjects(USER)
    assert await offered(store, "evt_3", MAIL) == subjects(MAIL)


async def test_experiments_are_confirmed_apart(store: AssignmentStore) -> None:
    other = new_experiment({"a": 1}, id="exp_b")
    await offered(store, "evt_1", USER)
    await offered(store, "evt_1", USER, of=other)
    store.confirm(published(USER))
    assert await offered(store, "evt_2", USER, of=other) == subjects(USER)
    assert await offered(store, "evt_2", USER) == ()


async def test_claims_at_the_same_time_agree(store: AssignmentStore) -> None:
    asked = [
        [new_proposal(f"evt_{number}", USER, MAIL, draw="abc"[number % 3], experiment=ALL)] for number in range(60)
    ]
    answers = await asyncio.gather(*(store.claim(batch) for batch in asked))
    held = [claim for (claim,) in answers if isinstance(claim, Held)]
    assert len(held) == 60
    assert len({claim.assignment.event_id for claim in held}) == 1
    assert {claim.unconfirmed for claim in held} == {subjects(USER, MAIL)}


async def test_registration_and_login_at_the_same_time_agree(store: AssignmentStore) -> None:
    pre = [new_proposal("evt_pre", MAIL, draw="a", experiment=ALL)]
    post = [new_proposal("evt_post", USER, MAIL, draw="b", experiment=ALL)]
    login = [new_proposal("evt_login", USER, MAIL, draw="c", experiment=ALL)]
    answers = await asyncio.gather(*(store.claim(batch) for batch in (login, pre, post)))
    assert len({claim.assignment for (claim,) in answers if isinstance(claim, Held)}) == 1
    assert len(set(await variations(store, USER, MAIL))) == 1


async def test_replacements_at_the_same_time_agree(store: AssignmentStore) -> None:
    await hold(store, "evt_0", USER, MAIL, of=at(1, "a"))
    asked = [[new_proposal(f"evt_{draw}", USER, MAIL, draw=draw, experiment=at(2, "b", "c"))] for draw in "bcbcbc"]
    answers = await asyncio.gather(*(store.claim(batch) for batch in asked))
    held = [claim.assignment for (claim,) in answers if isinstance(claim, Held)]
    assert len(held) == 6
    assert len(set(held)) == 1
    assert held[0].version == 1
