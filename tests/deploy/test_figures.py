from __future__ import annotations

from typing import Any

import pytest

from deploy.dev.figures import Figures, describe, median, parse, scrape
from deploy.dev.servers import free_port
from worker.outputs import BatchResult, Tallies, no_outputs
from worker.telemetry.metrics import Metrics


def figures(**overrides: Any) -> Figures:
    return Figures(**{"workers": 2, "events": 1000, "outputs": 3000, "dead_letters": 4, "lag": 12, **overrides})


def test_a_line_tells_rates_since_the_last_one_and_totals() -> None:
    line = describe(figures(events=400, outputs=1000), figures(ages={0.1: 10, 0.25: 10}), 2.0)

    assert line == "in 300/s  out 1,000/s  lag 12  p50 50 ms  events 1,000  dead 4  workers 2"


def test_ages_are_of_events_since_the_last_line() -> None:
    early = {0.1: 500, 1.0: 500, 5.0: 500}

    assert " p50 3.0 s " in describe(figures(ages=early), figures(ages={0.1: 500, 1.0: 500, 5.0: 510}), 1.0)
    assert " p50 - " in describe(figures(ages=early), figures(ages=early), 1.0)


@pytest.mark.parametrize(
    ("within", "middle"),
    [({}, None), ({0.1: 0, 1.0: 0}, None), ({0.1: 4}, 0.05), ({0.1: 0, 0.3: 2}, 0.2), ({0.1: 1, 0.3: 2}, 0.1)],
)
def test_the_median_lies_within_the_bucket_of_the_middle(within: dict[float, int], middle: float | None) -> None:
    assert median(within) == (None if middle is None else pytest.approx(middle))


def test_what_a_worker_exposes_is_read() -> None:
    metrics = Metrics(unix_clock=lambda: 100.0)
    result = BatchResult(no_outputs(), [], Tallies(events=5), confirm=lambda: None)
    metrics.batch(result, [99_980] * 5, seconds=0.1)
    metrics.lag(0, 7)
    metrics.lag(3, 5)

    found = parse(metrics.exposition().decode())
    assert (found.workers, found.events, found.outputs, found.lag) == (1, 5, 0, 12)
    assert (found.ages[0.01], found.ages[0.025]) == (0, 5)


def test_a_worker_that_does_not_answer_is_left_out() -> None:
    assert scrape([free_port()]) == Figures()
