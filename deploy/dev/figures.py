"""Figures of running workers, from what they expose at `/metrics`, as one line for people."""

from __future__ import annotations

import http.client
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from worker.telemetry.metrics import PREFIX

_ANSWER_SECONDS = 2.0
_AGES = f"{PREFIX}event_age_seconds_bucket"
_COUNTED = {
    f"{PREFIX}events_total": "events",
    f"{PREFIX}outputs_total": "outputs",
    f"{PREFIX}dead_letters_total": "dead_letters",
    f"{PREFIX}lag_records": "lag",
}


class Figures(msgspec.Struct, frozen=True):
    """What workers have done since they started; `ages` is how many events went out within so many seconds, each."""

    workers: int = 0
    events: int = 0
    outputs: int = 0
    dead_letters: int = 0
    lag: int = 0
    ages: Mapping[float, int] = {}


def scrape(ports: Iterable[int]) -> Figures:
    """Return the sum of what the workers on these ports of loopback expose; one that does not answer is left out."""
    found = [parse(text) for port in ports if (text := _metrics(port)) is not None]
    ages: Counter[float] = Counter()
    for each in found:
        ages.update(each.ages)
    return Figures(
        workers=len(found),
        events=sum(each.events for each in found),
        outputs=sum(each.outputs for each in found),
        dead_letters=sum(each.dead_letters for each in found),
        lag=sum(each.lag for each in found),
        ages=ages,
    )


def parse(text: str) -> Figures:
    """Return one worker's figures from the text format of Prometheus."""
    sums: Counter[str] = Counter()
    ages: Counter[float] = Counter()
    for sample in (sample for family in text_string_to_metric_families(text) for sample in family.samples):
        if sample.name in _COUNTED:
            sums[_COUNTED[sample.name]] += int(sample.value)
        elif sample.name == _AGES:
            ages[float(sample.labels["le"])] += int(sample.value)
    return Figures(workers=1, ages=ages, **sums)


def describe(before: Figures, now: Figures, seconds: float) -> str:
    """Return a line of what happened between two scrapes that lie so many seconds apart."""
    within = {bound: count - before.ages.get(bound, 0) for bound, count in now.ages.items()}
    return (
        f"in {_rate(before.events, now.events, seconds)}/s  out {_rate(before.outputs, now.outputs, seconds)}/s"
        f"  lag {now.lag:,}  p50 {_age(median(within))}  events {now.events:,}  dead {now.dead_letters:,}"
        f"  workers {now.workers}"
    )


def median(within: Mapping[float, int]) -> float | None:
    """Return about the middle of what a histogram's cumulative buckets hold, None of nothing; beyond them: infinity."""
    total = max(within.values(), default=0)
    below, lower = 0, 0.0
    for bound, count in sorted(within.items()):
        if total and count >= total / 2:
            share = (total / 2 - below) / (count - below)
            return lower + share * (bound - lower)
        below, lower = count, bound
    return None


def _rate(before: int, now: int, seconds: float) -> str:
    return f"{max(now - before, 0) / seconds:,.0f}"


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1000:,.0f} ms" if seconds < 1 else f"{seconds:,.1f} s"


def _metrics(port: int) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        return answer.read().decode() if answer.status == http.client.OK else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
