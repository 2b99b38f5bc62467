"""The closed lists: each word has a case in which it is said, and there are no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

import pytest

from tests.experiments_factory import (
    DownStore,
    Worker,
    new_experiment,
    new_segment_experiment,
    new_tier,
    new_trigger,
    variation,
)
from worker.experiments.decide import Decision
from worker.experiments.definitions import Experiment
from worker.experiments.vocabulary import Method, Reason, WarningCode

MAIL: dict[str, Any] = {"user_id": None, "email": "ada@b.no"}
A, B = new_experiment({"a": 100}), new_experiment({"b": 100})
OLDER = new_experiment({"b": 100}, updated_at="2025-01-01T00:00:00.000000Z")
SEGMENTS = new_segment_experiment(new_tier("red", "NO"))


def at_once(*experiments: Experiment, **event: Any) -> Decision:
    return Worker(*experiments).decide(new_trigger(**event))


def later(now: Experiment = A, before: Mapping[str, Any] | None = None, **event: Any) -> Decision:
    """Decide an event after A gave an earlier one its variation."""
    worker = Worker(A)
    worker.decide(new_trigger("evt_0", **(before or {})))
    worker.load(now)
    return worker.decide(new_trigger("evt_1", **event))


def without_the_store() -> Decision:
    return Worker(A, store=DownStore()).decide(new_trigger())


CONTEXTS: dict[str, Callable[[], Decision]] = {
    "split": lambda: at_once(A),
    "sticky": later,
    "linked": lambda: later(before=MAIL, email="ada@b.no"),
    "reassigned": lambda: later(B),
    "segment": lambda: at_once(SEGMENTS, country="NO"),
    "fallback": lambda: at_once(SEGMENTS),
    "explicit": lambda: at_once(A, query={"experiment_id": "exp_a"}),
    "forced": lambda: at_once(A, query={"experiment_id": "exp_a", "variation_id": "a"}),
    "store_down": without_the_store,
}
NULLS: dict[str, Callable[[], Decision]] = {
    "no_experiment": at_once,
    "no_subject": lambda: at_once(A, user_id=None),
    "not_in_ramp": lambda: at_once(new_experiment(level=0)),
    "paused": lambda: at_once(new_experiment(status="paused")),
    "not_found": lambda: at_once(A, query={"experiment_id": "nope"}),
}
WARNINGS: dict[str, Callable[[], Decision]] = {
    "experiment_not_found": lambda: at_once(A, query={"experiment_id": "exp_a", "variation_id": "nope"}),
    "experiment_orphaned_params": lambda: at_once(A, query={"segment_id": "seg_NO"}),
    "experiment_circuit_open": without_the_store,
    "definitions_behind": lambda: later(OLDER),
}
METHODS: Mapping[str, str] = {"explicit": "explicit", "forced": "forced"}


@pytest.mark.parametrize("reason", CONTEXTS)
def test_a_context_has_its_reason_and_method(reason: str) -> None:
    decision = CONTEXTS[reason]()
    assert (decision.reason, decision.method) == (reason, METHODS.get(reason, "auto"))
    assert variation(decision) is not None
    assert decision.experiment is not None


@pytest.mark.parametrize("reason", NULLS)
def test_null_has_its_reason(reason: str) -> None:
    decision = NULLS[reason]()
    assert (decision.reason, variation(decision), decision.method) == (reason, None, "auto")


@pytest.mark.parametrize("code", WARNINGS)
def test_a_warning_is_given_alone(code: str) -> None:
    assert WARNINGS[code]().warnings == (code,)


def test_every_word_has_a_case_and_is_of_one_kind() -> None:
    assert sorted([*CONTEXTS, *NULLS]) == sorted(get_args(Reason))
    assert set(WARNINGS) == set(get_args(WarningCode))
    assert {decide().method for decide in CONTEXTS.values()} == set(get_args(Method))


@pytest.mark.parametrize("reason", [*CONTEXTS, *NULLS])
def test_who_is_first_is_told_of_stored_assignments_only(reason: str) -> None:
    expected = {"split": True, "reassigned": True, "store_down": None}
    assert (CONTEXTS | NULLS)[reason]().is_first is expected.get(reason, False)
