from __future__ import annotations

from typing import Any, get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.handlers.factories import Clock
from tests.telemetry.expositions import new_letter, new_result, of, samples
from worker.records import DeadLetterReason
from worker.telemetry.metrics import METRICS, PREFIX, LaneStep, Metrics, TransactionOutcome

NOW_S = 1_800_000_000.0
NOW_MS = 1_800_000_000_000


def new_metrics() -> tuple[Metrics, Clock]:
    clock = Clock(100.0)
    return Metrics(clock=clock, unix_clock=Clock(NOW_S)), clock


def test_every_name_is_exposed_with_its_meaning_and_no_other_is() -> None:
    families = text_string_to_metric_families(new_metrics()[0].exposition().decode())
    described = {name.removesuffix("_total"): each for name, each in METRICS.items()}
    found = {family.name.removeprefix(PREFIX): (family.type, family.documentation) for family in families}
    assert found == {name: (each.kind, each.meaning) for name, each in described.items()}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("dead_letters_total", get_args(DeadLetterReason)),
        ("lanes", get_args(LaneStep)),
        ("transactions_total", get_args(TransactionOutcome)),
        ("outputs_total", ("enriched", "exposures", "enrollments", "commands", "assignments")),
    ],
)
def test_closed_lists_are_there_before_anything_happens(name: str, values: tuple[str, ...]) -> None:
    found = samples(new_metrics()[0])
    assert all(found[name, value] == 0 for value in values)


def test_each_event_of_a_batch_counts_with_one_outcome() -> None:
    metrics, _ = new_metrics()
    metrics.batch(new_result(new_letter(), new_letter("empty"), events=10, skipped={"tombstone": 3}), [], 0.1)
    assert of(metrics, "events_total") == {("processed",): 5, ("dead",): 2, ("skipped",): 3}
    assert of(metrics, "dead_letters_total") == {("not_json",): 1, ("empty",): 1}


def test_tallies_add_up_over_batches() -> None:
    metrics, _ = new_metrics()
    tallies: dict[str, Any] = {
        "decisions": {"split": 2},
        "warnings": {"experiment_not_found": 1},
        "identity_conflicts": 1,
    }
    for _ in range(2):
        metrics.batch(new_result(events=2, **tallies), [], 0.1)
    assert of(metrics, "decisions_total") == {("split",): 4}
    assert of(metrics, "warnings_total") == {("experiment_not_found",): 2}
    assert of(metrics, "identity_conflicts_total") == {(): 2}


def test_outputs_count_by_kind() -> None:
    metrics, _ = new_metrics()
    result = new_result()
    result.outputs["exposures"] = [None] * 3  # type: ignore[list-item] # only their number matters
    metrics.batch(result, [], 0.1)
    assert of(metrics, "outputs_total") == {("exposures",): 3}


def test_skips_of_suspicious_types_are_other() -> None:
    metrics, _ = new_metrics()
    skips = {"log:fp": 2, "log:jane@acme.no": 1, "log:auth0|123": 1, "cloudevent:user.updated": 1}
    metrics.batch(new_result(events=5, skipped=skips), [], 0.1)
    assert of(metrics, "skips_total") == {("log:fp",): 2, ("log:other",): 2, ("cloudevent:user.updated",): 1}


def test_the_age_of_events_is_measured_at_their_commit() -> None:
    metrics, _ = new_metrics()
    ages_ms = [0, 10, 11, 400, 7_200_000, 99_999_999]
    metrics.batch(new_result(events=6), [NOW_MS - age for age in ages_ms], 0.1)
    below = {float(bound): count for (bound,), count in of(metrics, "event_age_seconds_bucket").items()}
    assert [below[bound] for bound in (0.01, 0.025, 0.5, 7200, 86_400, float("inf"))] == [2, 3, 4, 5, 5, 6]
    assert of(metrics, "event_age_seconds_sum") == {(): pytest.approx(sum(ages_ms) / 1000)}


def test_an_event_from_a_clock_ahead_has_no_age() -> None:
    metrics, _ = new_metrics()
    metrics.batch(new_result(events=2), [NOW_MS + 5000, NOW_MS - 2000], 0.1)
    found = samples(metrics)
    assert found["event_age_seconds_bucket", "0.01"] == 1
    assert found["event_age_seconds_sum",] == 2
    assert found["event_age_seconds_count",] == 2


def test_a_batch_is_measured_in_time_and_size() -> None:
    metrics, _ = new_metrics()
    metrics.batch(new_result(events=700), [], 0.3)
    found = samples(metrics)
    assert (found["batch_duration_seconds_bucket", "0.25"], found["batch_duration_seconds_bucket", "0.5"]) == (0, 1)
    assert (found["batch_events_bucket", "500.0"], found["batch_events_bucket", "1000.0"]) == (0, 1)


def test_a_lane_counts_at_one_step_and_nowhere_when_it_is_gone() -> None:
    metrics, _ = new_metrics()
    metrics.lane(0, "opening")
    metrics.lane(1, "opening")
    metrics.lane(0, "fetched")
    assert of(metrics, "lanes") == {("opening",): 1, ("fetched",): 1}
    metrics.lane_gone(0)
    metrics.lane_gone(0)
    assert of(metrics, "lanes") == {("opening",): 1}


def test_the_lag_of_a_partition_goes_with_its_lane() -> None:
    metrics, _ = new_metrics()
    metrics.lag(0, 5)
    metrics.lag(1, 7)
    metrics.lag(0, 6)
    metrics.lane_gone(1)
    assert of(metrics, "lag_records") == {("0",): 6}


def test_transactions_count_by_outcome() -> None:
    metrics, _ = new_metrics()
    metrics.transaction("committed")
    metrics.transaction("fenced")
    assert of(metrics, "transactions_total") == {("committed",): 1, ("fenced",): 1}


def test_claims_count_by_who_answered() -> None:
    metrics, _ = new_metrics()
    metrics.claimed(0.002, asked=40, cached=60)
    assert of(metrics, "claims_total") == {("store",): 40, ("cache",): 60}
    assert of(metrics, "claim_duration_seconds_count") == {(): 1}


def test_a_store_that_is_away_shows() -> None:
    metrics, _ = new_metrics()
    metrics.failed("timeout")
    metrics.waiting(True)
    assert of(metrics, "store_errors_total") == {("timeout",): 1}
    assert samples(metrics)["store_waiting",] == 1
    metrics.waiting(False)
    assert samples(metrics)["store_waiting",] == 0


def test_only_the_revision_in_force_shows_and_its_age_grows() -> None:
    metrics, clock = new_metrics()
    metrics.definitions("r1")
    clock.now += 50
    metrics.definitions("r2")
    clock.now += 7
    assert of(metrics, "definitions_info") == {("r2",): 1}
    assert of(metrics, "definitions_age_seconds") == {(): 7}


def test_handlers_show_with_their_counts_at_the_scrape() -> None:
    metrics, _ = new_metrics()
    counts = {"name": "mfa", "trigger": "post_login", "calls": 9, "errors": 2, "timeouts": 1, "skipped": 3}
    metrics.count_handlers(lambda: [counts])
    counts["calls"] = 10
    assert of(metrics, "handler_calls_total") == {("mfa", "post_login"): 10}
    assert of(metrics, "handler_skips_total") == {("mfa", "post_login"): 3}
    assert of(metrics, "handler_errors_total") == {
        ("mfa", "error", "post_login"): 2,
        ("mfa", "timeout", "post_login"): 1,
    }


def test_handlers_are_timed_apart() -> None:
    metrics, _ = new_metrics()
    metrics.handler("a", "post_login", 0.002)
    metrics.handler("b", "post_login", 9.0)
    assert of(metrics, "handler_duration_seconds_sum") == {("a", "post_login"): 0.002, ("b", "post_login"): 9}


def test_two_workers_of_one_process_keep_their_figures_apart() -> None:
    one, other = new_metrics()[0], new_metrics()[0]
    one.transaction("committed")
    assert of(other, "transactions_total") == {}
