"""An endpoint that fails again and again is left alone for a while."""

from __future__ import annotations

from worker.delivery.circuit import FAILURES, FIRST_SECONDS, LAST_SECONDS, Circuit


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Circuit:
    circuit = Circuit(clock)
    for _ in range(FAILURES):
        assert circuit.may_pass()
        circuit.failed()
    return circuit


def test_it_opens_after_failures_in_a_row_and_not_before() -> None:
    circuit = Circuit(Clock())
    for _ in range(FAILURES - 1):
        circuit.failed()
    circuit.answered()
    circuit.failed()
    assert circuit.may_pass()
    assert not circuit.open


def test_after_its_time_one_passes_and_decides() -> None:
    clock = Clock()
    circuit = opened(clock)
    assert not circuit.may_pass()
    clock.now = FIRST_SECONDS
    assert circuit.may_pass()
    assert not circuit.may_pass()  # the probe is under way
    circuit.answered()
    assert not circuit.open
    assert circuit.may_pass()


def test_each_probe_that_fails_doubles_the_time_up_to_a_limit() -> None:
    clock = Clock()
    circuit = opened(clock)
    pauses = []
    for _ in range(6):
        assert circuit.reopens_at is not None
        clock.now = circuit.reopens_at
        assert circuit.may_pass()
        circuit.failed()
        pauses.append(circuit.reopens_at - clock.now)
    assert pauses == [60, 120, 240, LAST_SECONDS, LAST_SECONDS, LAST_SECONDS]
