"""People and what they do, for properties: events of several people, interleaved and cut into batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.experiments_factory import Worker, new_trigger
from worker.experiments.decide import Decision
from worker.trigger import Trigger

LINKS = ("email", "phone_number", "username")
FIELDS = ("user_id", *LINKS)
KINDS = ("pre_user_registration", "post_user_registration", "post_login")


class Event(NamedTuple):
    """A trigger and the number of the person whose it is."""

    person: int
    trigger: Trigger


def identity(person: int, field: str) -> str:
    """Return the value that only this person has in that field."""
    return {"user_id": "auth0|{}", "email": "p{}@b.no", "phone_number": "+47{}", "username": "ada{}"}[field].format(
        person
    )


@st.composite
def _event(draw: st.DrawFn, person: int, shared: str, others: Sequence[str]) -> dict[str, Any]:
    kind = draw(st.sampled_from(KINDS if shared != "user_id" else KINDS[1:]))
    named = {shared, *draw(st.sets(st.sampled_from(others)))} if others else {shared}
    named = named - {"user_id"} if kind == "pre_user_registration" else named | {"user_id"}
    fields: dict[str, Any] = {field: identity(person, field) for field in FIELDS if field in named}
    if "email" in fields:
        fields["email"] = draw(st.sampled_from([str.lower, str.upper, " {} ".format]))(fields["email"])
    return {"user_id": None, **fields, "kind": kind}


@st.composite
def histories(draw: st.DrawFn, *, one_key: bool = False, events: int = 16) -> list[Event]:
    """Events of up to four people in any order; all of one person share an identity.

    With `one_key` that is their first link identifier, so that all are hashed alike.
    """
    found: list[Event] = []
    shared = draw(st.lists(st.sampled_from(LINKS if one_key else FIELDS), min_size=1, max_size=4))
    for number in range(draw(st.integers(1, events))):
        person = draw(st.integers(0, len(shared) - 1))
        others = LINKS[LINKS.index(shared[person]) + 1 :] if one_key else LINKS
        fields = draw(_event(person, shared[person], others))
        found.append(Event(person, new_trigger(f"evt_{number}", **fields)))
    return found


@st.composite
def strangers(draw: st.DrawFn, *, events: int = 16) -> list[Trigger]:
    """Events of whoever: any identity with any other."""
    values = {field: st.sampled_from([None, identity(1, field), identity(2, field)]) for field in FIELDS}
    batch = draw(st.lists(st.fixed_dictionaries(values), max_size=events))
    return [new_trigger(f"evt_{number}", **fields) for number, fields in enumerate(batch)]


@st.composite
def cuts(draw: st.DrawFn, history: Sequence[Any]) -> list[Sequence[Any]]:
    """Cut a history into batches."""
    places = sorted(draw(st.sets(st.integers(1, max(1, len(history) - 1)), max_size=5)))
    bounds = zip([0, *places], [*places, len(history)], strict=True)
    return [history[start:end] for start, end in bounds if start < end]


def live(worker: Worker, batches: Sequence[Sequence[Event]]) -> Iterator[tuple[int, Decision]]:
    """Let a worker decide the batches; yield person and decision of each event in order."""
    for batch in batches:
        decisions = worker.decide_all([event.trigger for event in batch])
        yield from zip((event.person for event in batch), decisions, strict=True)
