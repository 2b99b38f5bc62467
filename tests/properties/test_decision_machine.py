"""The engine and its store against the model: definitions are edited while events of a few people come in.

Batches reach workers whose definitions are the latest or lag behind, are processed again, name their experiment or
find the store away. After each step the store holds what the model noted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from tests.experiments_factory import DownStore, Worker, new_experiment, new_proposal, new_trigger, subjects, variation
from tests.properties.contract_model import Answer, Edition, Model, Note, bucketing_key, drawn, identities
from worker.experiments.claims import Claim, Held
from worker.experiments.decide import Decision
from worker.experiments.definitions import Experiment
from worker.stores.memory import MemoryStore

Event = dict[str, Any]

WEIGHTS: Sequence[Mapping[str, int]] = (
    {"a": 100},
    {"a": 50, "b": 50},
    {"b": 100, "a": 0},
    {"b": 100},
    {"b": 40, "c": 60},
    {"c": 10, "b": 20, "a": 70},
)
EVERY_VARIATION = new_experiment({"a": 1, "b": 1, "c": 1}, status="paused")
EVENTS: st.SearchStrategy[Event] = st.fixed_dictionaries(
    {
        "user_id": st.sampled_from([None, "auth0|1", "auth0|1", "auth0|2", " "]),
        "email": st.sampled_from([None, "ada@b.no", " Ada@B.no", "bo@b.no"]),
        "phone_number": st.sampled_from([None, None, "+471"]),
        "username": st.sampled_from([None, None, None, "ada", ""]),
    }
)
EDITIONS = st.builds(
    Edition,
    weights=st.sampled_from(WEIGHTS),
    level=st.sampled_from([None, None, None, 50, 0]),
    paused=st.sampled_from([False, False, False, True]),
)
BACKWARDS = st.sampled_from([0, 0, 0, 1, 2])


def experiment_of(edition: Edition) -> Experiment:
    return new_experiment(
        edition.weights,
        level=edition.level,
        status="paused" if edition.paused else "active",
        updated_at=None if edition.day is None else f"2026-01-01T00:00:00.{edition.day:06}Z",
    )


def note_of(claim: Claim) -> Note:
    assert isinstance(claim, Held)
    stored = claim.assignment
    day = None if stored.updated_at is None else int(stored.updated_at[-7:-1])
    return Note(stored.variation_id, stored.version, day, stored.event_id)


def answer_of(decision: Decision, claim: Claim | None, names: Sequence[str], offered: set[tuple[str, int]]) -> Answer:
    """Say in the model's words what was decided for an event of these identities, and what was claimed.

    `offered` are the records that the batch publishes already: until then, whoever uses one is offered it again.
    """
    said = Answer(decision.reason, is_first=decision.is_first is True, warnings=decision.warnings)
    if not isinstance(claim, Held):
        assert decision.arm is None
        return said
    note = note_of(claim)
    assert variation(decision) == note.variation
    unconfirmed = [name for name in names if subjects(name)[0] in claim.unconfirmed]
    written = tuple(name for name in unconfirmed if (name, note.version) not in offered)
    offered.update((name, note.version) for name in written)
    return replace(said, note=note, written=written, conflict=claim.conflict)


class DecisionMachine(RuleBasedStateMachine):
    batches: Bundle[list[Event]] = Bundle("batches")

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.model = Model()
        self.editions = [Edition(WEIGHTS[1], day=0)]
        self.events = 0

    def edition(self, backwards: int) -> Edition:
        """Return the latest edition or one before it, which a worker has that lags behind."""
        return self.editions[max(0, len(self.editions) - 1 - backwards)]

    def new_id(self) -> str:
        self.events += 1
        return f"evt_{self.events}"

    @rule(edition=EDITIONS, is_dated=st.sampled_from([True, True, False]))
    def the_experiment_is_edited(self, edition: Edition, is_dated: bool) -> None:  # noqa: FBT001 - hypothesis names it
        self.editions.append(replace(edition, day=len(self.editions) if is_dated else None))

    @rule(target=batches, events=st.lists(EVENTS, min_size=1, max_size=4), backwards=BACKWARDS)
    def people_act(self, events: list[Event], backwards: int) -> list[Event]:
        batch = [{"id_": self.new_id(), **event} for event in events]
        self.a_batch_is_processed_again(batch, backwards)
        return batch

    @rule(batch=batches, backwards=BACKWARDS)
    def a_batch_is_processed_again(self, batch: list[Event], backwards: int) -> None:
        edition = self.edition(backwards)
        worker = Worker(experiment_of(edition), store=self.store)
        decisions = worker.decide_all([new_trigger(**event) for event in batch])
        claims, offered = iter(worker.claims), set[tuple[str, int]]()
        for event, decision in zip(batch, decisions, strict=True):
            names = identities(event)
            said = answer_of(decision, next(claims) if names else None, names, offered)
            assert said == self.model.decide(edition, event["id_"], event)

    @rule(event=EVENTS, backwards=BACKWARDS)
    def a_request_names_the_experiment(self, event: Event, backwards: int) -> None:
        edition = self.edition(backwards)
        worker = Worker(experiment_of(edition), store=self.store)
        decision = worker.decide(new_trigger(self.new_id(), **event, query={"experiment_id": "exp_a"}))
        key = bucketing_key(event)
        assert variation(decision) == (key and drawn(edition, key))

    @rule(event=EVENTS, backwards=BACKWARDS)
    def the_store_is_away(self, event: Event, backwards: int) -> None:
        edition = self.edition(backwards)
        decision = Worker(experiment_of(edition), store=DownStore()).decide(new_trigger(self.new_id(), **event))
        key = bucketing_key(event)
        assert variation(decision) == (None if key is None or edition.paused else drawn(edition, key))

    @invariant()
    def the_store_holds_what_the_model_noted(self) -> None:
        names = ["user:auth0|1", "user:auth0|2", *map("identifier:{}".format, ("ada@b.no", "bo@b.no", "+471", "ada"))]
        looks = [new_proposal("look", name, draw=None, experiment=EVERY_VARIATION) for name in names]
        claims = asyncio.run(self.store.claim(looks))
        held = {name: note_of(claim) for name, claim in zip(names, claims, strict=True) if isinstance(claim, Held)}
        assert held == self.model.notes


TestDecisions = DecisionMachine.TestCase
TestDecisions.settings = settings(max_examples=40, stateful_step_count=100, deadline=None)
