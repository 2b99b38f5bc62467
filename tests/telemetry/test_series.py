from __future__ import annotations

from threading import Thread

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import GaugeMetricFamily

from worker.telemetry.series import Buckets, Series

BOUNDS = (0.5, 1.0, 10.0)


def counts_of(buckets: Buckets) -> list[float]:
    return [sample.value for sample in buckets.collect().samples if sample.name.endswith("_bucket")]


def test_a_figure_that_is_dropped_shows_no_longer() -> None:
    series = Series(GaugeMetricFamily, "x", "x", ("partition",), known=["0"])
    series.set("1", to=5)
    series.drop("0")
    series.drop("7")
    assert [(sample.labels, sample.value) for sample in series.collect().samples] == [({"partition": "1"}, 5)]


def test_a_value_on_a_bound_is_below_it() -> None:
    buckets = Buckets("x", "x", BOUNDS)
    for value in (0.5, 0.6, 10.0, 11.0):
        buckets.observe(value)
    assert counts_of(buckets) == [1, 2, 3, 4]


@given(st.lists(st.integers(0, 20_000)), st.integers(0, 20_000))
def test_ages_together_count_as_each_alone(moments: list[int], now: int) -> None:
    together, alone = Buckets("x", "x", BOUNDS), Buckets("x", "x", BOUNDS)
    together.observe_ages(moments, now, 1000)
    for moment in moments:
        alone.observe(max(0, now - moment) / 1000)
    assert counts_of(together) == counts_of(alone)


def test_observations_from_threads_are_all_counted() -> None:
    buckets = Buckets("x", "x", BOUNDS, ("name",))

    def observe() -> None:
        for _ in range(2000):
            buckets.observe(0.7, "a")

    threads = [Thread(target=observe) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts_of(buckets) == [0, 8000, 8000, 8000]
