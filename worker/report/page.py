"""The report: one page that needs nothing else, neither a network nor a script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from worker.report.activity import dead_letters, handlers, skips, speed
from worker.report.collect import Facts
from worker.report.experiments import check, experiments
from worker.report.html import Child, Html, el
from worker.report.what_if import what_if
from worker.report.words import OUTPUTS, moment, number, several

_STYLE = Html(Path(__file__).with_name("style.css").read_text(encoding="utf-8"))
_LOGS_NAMED = 3


class Page(msgspec.Struct, frozen=True):
    """What the page shows: the names of the logs, the run's summary, the facts, and seconds.

    `seconds` are those of each part, `handlers` those of each handler, by its name and trigger.
    """

    logs: Sequence[str]
    summary: Mapping[str, Any]
    facts: Facts
    seconds: Mapping[str, float]
    handlers: Mapping[tuple[str, str], float]


def render(page: Page) -> str:
    """Return the page; the same log, definitions and settings give the same text, but for the seconds."""
    html = el("html", _head(), _body(page), lang="en")
    return f"<!doctype html>\n{html}\n"


def _head() -> Html:
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    return el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="robots", content="noindex"),
        el("link", rel="icon", href="data:,"),
        el("title", "Replay report"),
        el("style", _STYLE),
    )


def _body(page: Page) -> Html:
    summary = page.summary
    comparison = summary.get("comparison")
    return el(
        "body",
        el("a", "To the figures", href="#main", class_="skip"),
        _header(page),
        _navigation(compared=comparison is not None),
        el(
            "main",
            _findings(page),
            _headline(summary),
            experiments(page.facts, summary["experiments"]),
            what_if(comparison) if comparison is not None else None,
            handlers(summary, page.facts),
            dead_letters(summary["dead_letters"], page.facts.samples),
            skips(summary),
            speed(summary["events"], page.seconds, page.handlers),
            id="main",
            tabindex=-1,
        ),
        _footer(summary),
    )


def _header(page: Page) -> Html:
    facts = page.facts
    names = ", ".join("standard input" if name == "-" else name for name in page.logs[:_LOGS_NAMED])
    more = f" and {several(len(page.logs) - _LOGS_NAMED, 'other log')}" if len(page.logs) > _LOGS_NAMED else ""
    undated = f", {several(facts.undated, 'event')} without a time" if facts.undated else ""
    period = None
    if facts.first is not None and facts.last is not None:
        period = el("p", f"Events from {moment(facts.first)} to {moment(facts.last)} UTC{undated}.", class_="quiet")
    return el("header", el("h1", "Replay report"), el("p", names, more, class_="lead"), period)


def _navigation(*, compared: bool) -> Html:
    links = [
        ("experiments", "Experiments"),
        *([("what-if", "What if")] if compared else []),
        ("handlers", "Handlers"),
        ("dead-letters", "Dead letters"),
        ("skipped", "Skipped"),
        ("speed", "Time"),
    ]
    items = (el("li", el("a", text, href=f"#{anchor}")) for anchor, text in links)
    return el("nav", el("ul", *items), aria_label="Sections")


def _findings(page: Page) -> Html:
    """Return what a reader must know first."""
    dead = sum(page.summary["dead_letters"].values())
    findings = [
        *_splits(page.facts),
        _finding(dead, "dead letter", "No dead letters."),
        _finding(_failures(page.summary), "failed handler call", "No handler failed."),
    ]
    return el("section", el("h2", "At a glance"), el("ul", *findings, class_="findings"))


def _splits(facts: Facts) -> Iterator[Html]:
    """Yield what the checks of all splits come to; nothing where there are none."""
    verdicts = [(each.experiment.id, found.verdict) for each in facts.experiments if (found := check(each))]
    mismatches = [id_ for id_, verdict in verdicts if verdict == "mismatch"]
    for id_ in mismatches:
        yield el("li", "Sample-ratio mismatch in ", el("code", id_), ": see its split below.", class_="bad")
    if any(verdict == "too_few" for _, verdict in verdicts):
        yield el("li", "Too few first assignments to check every split.")
    elif not mismatches and any(verdict == "as_meant" for _, verdict in verdicts):
        yield el("li", "No sample-ratio mismatch.", class_="good")


def _finding(count: int, noun: str, nothing: str) -> Html:
    return el("li", f"{several(count, noun)}.", class_="bad") if count else el("li", nothing, class_="good")


def _failures(summary: Mapping[str, Any]) -> int:
    return sum(each["errors"] + each["timeouts"] for each in summary["handlers"])


def _headline(summary: Mapping[str, Any]) -> Html:
    counts = [
        ("events read", summary["events"]),
        *((text, summary[kind]) for kind, text in OUTPUTS.items()),
        ("dead letters", sum(summary["dead_letters"].values())),
        ("skipped", sum(summary["skipped"].values())),
    ]
    return el("dl", *(_figure(text, number(count)) for text, count in counts), class_="figures")


def _figure(text: str, figure: Child) -> Html:
    return el("div", el("dt", text), el("dd", figure))


def _footer(summary: Mapping[str, Any]) -> Html:
    rate = f"{summary['events'] / summary['seconds']:,.0f}" if summary["seconds"] else "—"
    return el(
        "footer",
        el("p", "Definitions ", el("code", summary["definitions_revision"]), ". ",
           el("span", f"{summary['seconds']:.1f} s, {rate} events a second.", class_="seconds")),
        el("p", "Made by experiment-worker. Subjects are counted by keyed hashes; nobody is named on this page."),
    )  # fmt: skip
