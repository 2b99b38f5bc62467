"""The section of the experiments: how each split, over time, by ramp and by segment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from worker.report.charts import Line, bar, interval, over_time
from worker.report.collect import ExperimentFacts, Facts
from worker.report.html import Child, Html, el, join
from worker.report.statistics import SampleRatio, check_sample_ratio, wilson
from worker.report.tables import Text, folded, scrolled, table
from worker.report.timeline import Series
from worker.report.words import REASONS, moment, number, percent, sample_ratio, several

_HEADLINES = {
    "as_meant": "The split is as meant.",
    "mismatch": "Sample-ratio mismatch.",
    "too_few": "Too few to tell.",
    "no_ratio": "No ratio to check.",
}


def check(facts: ExperimentFacts) -> SampleRatio | None:
    """Return the check of an experiment's split; None where requests decide, not weights."""
    if facts.experiment.strategy != "percentage":
        return None
    return check_sample_ratio(list(facts.drawn.values()), list(_shares(facts).values()))


def _shares(facts: ExperimentFacts) -> dict[str, float]:
    weights = dict.fromkeys(facts.experiment.allocated, 0)
    for allocation in facts.experiment.allocations:
        weights[allocation.arm.variation_id] += allocation.weight
    return {variation_id: weight / 100 for variation_id, weight in weights.items()}


def experiments(facts: Facts, summaries: Sequence[Mapping[str, Any]]) -> Html:
    """Return the section; `summaries` are the summary's, of the same experiments in the same order."""
    parts = [
        _experiment(each, summary, index)
        for index, (each, summary) in enumerate(zip(facts.experiments, summaries, strict=True))
    ]
    return el(
        "section",
        el("h2", "Experiments", id="experiments"),
        *(parts or [el("p", "No experiment is active or paused in these definitions.")]),
    )


def _experiment(facts: ExperimentFacts, summary: Mapping[str, Any], index: int) -> Html:
    experiment = facts.experiment
    found = check(facts)
    tenant = f" of the tenant {facts.tenant}" if facts.tenant else ""
    return el(
        "article",
        el("h3", experiment.id),
        el("p", f"{experiment.status.capitalize()}, split by {experiment.strategy}{tenant}.", class_="quiet"),
        None if found is None else _verdict(found),
        _split(facts, summary["variations"]) if found is not None else _given(summary["variations"]),
        _segments(facts),
        _ramp(facts, summary["variations"]),
        _over_time(facts, summary["variations"], f"exposures-{index}"),
        folded("Decisions by reason", _reasons(facts)) if facts.reasons else None,
    )


def _verdict(found: SampleRatio) -> Html:
    headline = el("strong", _HEADLINES[found.verdict], " ")
    return el("p", headline, sample_ratio(found), class_=f"verdict {found.verdict}")


def _split(facts: ExperimentFacts, variations: Sequence[Mapping[str, Any]]) -> Html:
    """Return expected against observed shares, all on one scale."""
    shares, total = _shares(facts), sum(facts.drawn.values())
    intervals = {variation_id: wilson(drawn, total) for variation_id, drawn in facts.drawn.items()}
    top = min(1.0, 1.15 * max((*shares.values(), *(high for _, high in intervals.values())), default=1.0))

    def row(variation: Mapping[str, Any]) -> list[Child]:
        id_ = variation["variation_id"]
        drawn, (low, high) = facts.drawn[id_], intervals[id_]
        observed = drawn / total if total else None
        between = f"{percent(low)} to {percent(high)}" if total else "—"
        label = f"observed {percent(observed)}, {between}, expected {percent(shares[id_])}"
        chart = None if observed is None else interval(observed, (low, high), shares[id_], top, label)
        counts = variation["subjects"], variation["exposures"]
        return [_name(variation), percent(shares[id_]), percent(observed), between, chart, drawn, *counts]

    columns = (
        "Variation", "Expected", "Observed", "95% interval", Text("Observed and expected"), "First assignments",
        "Subjects", "Exposures",
    )  # fmt: skip
    return join([el("h4", "Split"), table("Split", columns, map(row, variations), hidden=True), _KEY])


_KEY = el(
    "p",
    "Dot and bar: the observed share and its 95% interval. Upright line: the expected share. A first assignment is a "
    "person's draw; seen before and after having a user id, a person is two subjects.",
    class_="quiet",
)


def _given(variations: Sequence[Mapping[str, Any]]) -> Html:
    """Return what requests were given: there are no weights to compare with."""
    total = sum(variation["subjects"] for variation in variations)

    def row(variation: Mapping[str, Any]) -> list[Child]:
        share = variation["subjects"] / total if total else 0.0
        return [_name(variation), _bar(share), percent(share), variation["subjects"], variation["exposures"]]

    columns = ("Variation", Text("Share"), "Of subjects", "Subjects", "Exposures")
    return join([el("h4", "Variations"), table("Variations", columns, map(row, variations), hidden=True)])


def _name(variation: Mapping[str, Any]) -> Html:
    control = el("span", "control", class_="under") if variation["is_control"] else None
    return join([el("code", variation["variation_id"]), control])


def _bar(share: float) -> Html:
    return bar(share, percent(share))


def _segments(facts: ExperimentFacts) -> Html | None:
    if not facts.segments:
        return None
    total = sum(segment.events for segment in facts.segments)
    arms = {tier.segment_id: tier.arm.variation_id for tier in reversed(facts.experiment.tiers)}
    if facts.experiment.fallback is not None:
        arms[None] = facts.experiment.fallback.arm.variation_id
    rows: list[list[Child]] = [
        [
            el("code", segment.segment_id) if segment.segment_id else "no segment holds (fallback)",
            el("code", arms[segment.segment_id]),
            _bar(segment.events / total if total else 0.0),
            segment.events,
            segment.subjects,
        ]
        for segment in facts.segments
    ]
    columns = ("Segment", Text("Variation"), Text("Share of events"), "Events", "Subjects")
    return join([el("h4", "Segments, in the order they are tried"), table("Segments", columns, rows, hidden=True)])


def _ramp(facts: ExperimentFacts, variations: Sequence[Mapping[str, Any]]) -> Html | None:
    level = facts.experiment.level
    if level is None or facts.experiment.strategy != "percentage":
        return None
    inside = sum(variation["subjects"] for variation in variations)
    share = inside / (inside + facts.out) if inside + facts.out else 0.0
    said = f"Level {level}%: {several(inside, 'subject')} in, {number(facts.out)} out ({percent(share)} in)."
    return join([el("h4", "Ramp"), el("p", said), el("p", bar(share, said))])


def _over_time(facts: ExperimentFacts, variations: Sequence[Mapping[str, Any]], id_: str) -> Html | None:
    series = facts.exposures
    if series is None or not any(map(any, series.counts)):
        return None
    lines = _lines(variations)
    of = f"Exposures over time of {facts.experiment.id}" + (f", {facts.tenant}" if facts.tenant else "")
    numbers = table("Exposures over time", ("Time (UTC)", *(line.name for line in lines)), _numbers(series))
    return join(
        [
            el("h4", "Exposures over time"),
            over_time(series, lines, "Exposures", id_),
            folded("Numbers of this chart", scrolled(of, numbers)),
        ]
    )


def _lines(variations: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Return a line for each variation; the control always looks the same."""
    looks = count(1)
    return [
        Line(f"{each['variation_id']} (control)", 0) if each["is_control"] else Line(each["variation_id"], next(looks))
        for each in variations
    ]


def _numbers(series: Series) -> Iterator[list[Child]]:
    for index, counts in enumerate(zip(*series.counts, strict=True)):
        yield [moment(series.start + index * series.step, series.step), *counts]


def _reasons(facts: ExperimentFacts) -> Html:
    rows: list[list[Child]] = [
        [el("code", reason), REASONS[reason], events]  # type: ignore[index] # the counter's keys are reasons
        for reason, events in sorted(facts.reasons.items(), key=lambda item: (-item[1], item[0]))
    ]
    return table("Events by the reason of their decision", ("Reason", Text("Meaning"), "Events"), rows, hidden=True)
