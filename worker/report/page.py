"""The page: what a replay's summary and its collected figures say, in the order in which people ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from worker.report.collector import Collected, Given
from worker.report.html import line_chart, number, percent, share_bar, swatch, table, text
from worker.report.statistics import chi_square_p, wilson

_STYLE = (Path(__file__).parent / "style.css").read_text()
_FEW_SUBJECTS = 100
_MISMATCH_P = 0.001
_MISMATCH = (
    "Chance alone splits {} subjects as unevenly in fewer than 1 of 1,000 runs (p = {:.1g}). Don't compare these groups"
    " before you know why: weights changed on the way, events of one group got lost, or bots and tests weigh in."
)
_SLOWEST = 8
_MEANINGS = {
    "split": "drawn, and stored",
    "sticky": "as stored",
    "linked": "as stored under another name of the person",
    "reassigned": "drawn again: the stored variation was withdrawn",
    "segment": "a segment holds",
    "fallback": "no segment holds",
    "explicit": "the request named the experiment",
    "forced": "the request named the variation",
    "store_down": "drawn, the store was away",
    "no_experiment": "none runs",
    "no_subject": "the event names nobody",
    "not_in_ramp": "outside of the exposure",
    "paused": "paused, and nothing stored",
    "not_found": "the request named nothing that exists, or nothing applies",
}


def page(summary: Mapping[str, Any], collected: Collected, logs: Sequence[str]) -> str:
    """Return the report of a replay of those logs; `summary` is its `summary.json`."""
    sections = "".join(_sections(summary, collected))
    rate = summary["events"] / summary["seconds"] if summary["seconds"] else 0
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Replay of {text(_named(logs))}</title><style>{_STYLE}</style></head><body>"
        f'<header><h1>Replay of {text(_named(logs))}</h1><p class="quiet">Definitions'
        f" <code>{text(summary['definitions_revision'])}</code></p></header><main>{sections}</main>"
        f"<footer><p>{number(summary['events'])} events in {summary['seconds']:.1f} s ({number(rate)} a second)."
        " Names and values of people are not on this page.</p></footer></body></html>\n"
    )


def _named(logs: Sequence[str]) -> str:
    return logs[0] if len(logs) == 1 else f"{len(logs)} logs"


def _sections(summary: Mapping[str, Any], collected: Collected) -> Iterator[str]:
    yield _headline(summary)
    if "comparison" in summary:
        yield "".join(_comparison(summary["comparison"]))
    for experiment in summary["experiments"]:
        yield "".join(_experiment(experiment, collected))
    yield from _handlers(summary, collected)
    yield from _dead_letters(summary, collected)
    yield from _counts("Skipped", "What is none of the worker's business.", "kind", summary["skipped"])
    yield from _counts(
        "Warnings", "Requests and records that could not be taken at their word.", "code", summary["warnings"]
    )
    yield from _slowest(collected)


def _headline(summary: Mapping[str, Any]) -> str:
    dead, skipped = sum(summary["dead_letters"].values()), sum(summary["skipped"].values())
    shown = {
        "events read": summary["events"],
        "enriched": summary["enriched"],
        "exposures": summary["exposures"],
        "commands": summary["commands"],
        "enrollments": summary["enrollments"],
        "dead letters": dead,
        "skipped": skipped,
    }
    items = "".join(f"<li><b>{number(value)}</b> {name}</li>" for name, value in shown.items())
    return f'<section aria-label="Headline"><ul class="numbers">{items}</ul></section>'


def _comparison(found: Mapping[str, Any]) -> Iterator[str]:
    share = percent(found["changed"] / found["subjects"]) if found["subjects"] else "none"
    yield "<section><h2>Under the other definitions</h2>"
    yield f"<p><b>{number(found['changed'])}</b> of {number(found['subjects'])} subjects ({share}) would get something"
    yield " else, get a variation or lose theirs.</p>"
    moves = [
        [_arm(each["from"]), _arm(each["to"]), number(each["subjects"]), _examples(each["examples"])]
        for each in found["moves"]
    ]
    yield table(["Now", "Then", "Subjects", "For example"], moves, numbers=(2,))
    for title, name in (("split", "variation_id"), ("segments", "segment_id")):
        rows = [[text(each["experiment_id"]), text(each[name]), *_change(each)] for each in found[title]]
        yield _changes(f"{title.capitalize()}, subjects", ["Experiment", name.removesuffix("_id").capitalize()], rows)
    for title, name in (("commands", "method"), ("enrollments", "endpoint")):
        rows = [[f"<code>{text(each[name])}</code>", *_change(each)] for each in found[title]]
        yield _changes(title.capitalize(), [name.capitalize()], rows)
    yield "</section>"


def _changes(title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    first = len(names)
    head = [*names, "Now", "Then", "Change"]
    return f"<h3>{title}</h3>{table(head, rows, numbers=range(first, first + 3))}"


def _change(each: Mapping[str, Any]) -> list[str]:
    return [number(each["now"]), number(each["then"]), f"{each['then'] - each['now']:+,}".replace("+0", "0")]


def _arm(arm: Mapping[str, str] | None) -> str:
    if arm is None:
        return '<span class="quiet">none</span>'
    return f"{text(arm['variation_id'])} <span class=quiet>{text(arm['experiment_id'])}</span>"


def _examples(found: Sequence[str]) -> str:
    return " ".join(f"<code>{text(each)}…</code>" for each in found)


def _experiment(experiment: Mapping[str, Any], collected: Collected) -> Iterator[str]:
    id_, tenant = experiment["experiment_id"], experiment["tenant_id"]
    of = f' <span class="quiet">of {text(tenant)}</span>' if tenant else ""
    yield f"<section><h2>{text(id_)}{of}</h2>"
    variations = experiment["variations"]
    if sum(variation["subjects"] for variation in variations):
        yield _verdict(variations)
        yield _shares(variations)
    else:
        yield "<p>Nobody was given a variation.</p>"
    yield _over_time(experiment, collected)
    yield from _segments(id_, collected)
    yield from _reasons(id_, collected)
    yield "</section>"


def _verdict(variations: Sequence[Mapping[str, Any]]) -> str:
    kind, title, meaning = _ratio_check(variations)
    return f'<p class="verdict {kind}"><b>{title}</b> {meaning}</p>'


def _ratio_check(variations: Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
    """Return kind, title and meaning of the sample-ratio check: Pearson's chi-square over subjects."""
    shares = _expected(variations)
    counts = [variation["subjects"] for variation in variations if variation["variation_id"] in shares]
    total = sum(counts)
    if not shares:
        return "", "Split by segment", "Requests decide who gets what, so there is no ratio to check."
    if total < _FEW_SUBJECTS or len(shares) == 1:
        few = (
            f"{number(total)} subjects, {_FEW_SUBJECTS} are the least."
            if len(shares) > 1
            else "One variation has it all."
        )
        return "", "Sample ratio not checked", few
    p = chi_square_p(counts, list(shares.values()))
    if p < _MISMATCH_P:
        return "bad", "Sample ratio mismatch", _MISMATCH.format(number(total), p)
    return "good", "Sample ratio as expected", f"A split as uneven comes by chance in {percent(p)} of right runs."


def _expected(variations: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the expected share of each variation that can be drawn, so that they sum to 1; none by segment."""
    weights = {each["variation_id"]: each["expected_share"] for each in variations if each["expected_share"]}
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


def _shares(variations: Sequence[Mapping[str, Any]]) -> str:
    total = sum(variation["subjects"] for variation in variations)
    expected = _expected(variations)
    if not expected:
        rows = [[_named_variation(*each), *_counted(each[1], total)] for each in enumerate(variations)]
        return table(["Variation", "Subjects", "Share"], rows, numbers=(1, 2))
    rows = [_compared(index, each, total, expected.get(each["variation_id"])) for index, each in enumerate(variations)]
    return table(["Variation", "Subjects", "Expected", "Observed (95 %)", "0 to 100 %"], rows, numbers=(1, 2, 3))


def _compared(index: int, variation: Mapping[str, Any], total: int, due: float | None) -> list[str]:
    found = wilson(variation["subjects"], total)
    return [
        _named_variation(index, variation),
        number(variation["subjects"]),
        "none" if due is None else percent(due),
        f'{percent(found.share)} <span class="quiet">{percent(found.low)} to {percent(found.high)}</span>',
        share_bar(found, due, index),
    ]


def _counted(variation: Mapping[str, Any], total: int) -> list[str]:
    return [number(variation["subjects"]), percent(variation["subjects"] / total)]


def _named_variation(index: int, variation: Mapping[str, Any]) -> str:
    control = ' <span class="quiet">control</span>' if variation["is_control"] else ""
    return f"{swatch(index)}{text(variation['variation_id'])}{control}"


def _over_time(experiment: Mapping[str, Any], collected: Collected) -> str:
    names = [variation["variation_id"] for variation in experiment["variations"]]
    mine = {bucket: _of(experiment, counts) for bucket, counts in collected.exposures.counts.items()}
    buckets = [bucket for bucket, counts in mine.items() if counts]
    if not buckets:
        return ""
    unit = collected.exposures.unit
    lines = [(name, [mine[bucket].get(name, 0) for bucket in buckets]) for name in names]
    return line_chart(f"Exposures by {unit} (UTC)", buckets, lines, unit.capitalize())


def _of(experiment: Mapping[str, Any], counts: Mapping[Given, int]) -> dict[str, int]:
    """Return the counts of an experiment by variation; one without a tenant serves every tenant."""
    found: dict[str, int] = {}
    for given, times in counts.items():
        if given.experiment_id == experiment["experiment_id"] and experiment["tenant_id"] in {None, given.tenant}:
            found[given.variation_id] = found.get(given.variation_id, 0) + times
    return found


def _segments(experiment: str, collected: Collected) -> Iterator[str]:
    found = {key[1:]: times for key, times in sorted(collected.segments.items()) if key[0] == experiment}
    if found:
        rows = [[text(segment), text(variation), number(times)] for (segment, variation), times in found.items()]
        yield f"<h3>Segments</h3>{table(['Segment', 'Variation', 'Exposures'], rows, numbers=(2,))}"


def _reasons(experiment: str, collected: Collected) -> Iterator[str]:
    reasons = collected.reasons.get(experiment)
    if reasons:
        rows = [[text(name), _MEANINGS[name], number(times)] for name, times in reasons.most_common()]
        yield f"<h3>Why</h3>{table(['Reason', 'Meaning', 'Events'], rows, numbers=(2,))}"
        yield _ramp(reasons)


def _ramp(reasons: Mapping[str, int]) -> str:
    out = reasons.get("not_in_ramp", 0)
    if not out:
        return ""
    asked = out + sum(reasons.get(name, 0) for name in ("split", "sticky", "linked", "reassigned"))
    return f"<p>Of {number(asked)} events, {percent(1 - out / asked)} were of subjects inside the ramp.</p>"


def _handlers(summary: Mapping[str, Any], collected: Collected) -> Iterator[str]:
    if not summary["handlers"]:
        return
    rows = [
        [text(each["name"]), text(each["trigger"]), number(each["calls"]), number(each["errors"] + each["timeouts"])]
        for each in summary["handlers"]
    ]
    yield "<section><h2>Handlers</h2>"
    yield table(["Handler", "Trigger", "Calls", "Failures"], rows, numbers=(2, 3))
    for title, counts in (("Commands", collected.methods), ("Enrollments", collected.endpoints)):
        if counts:
            listed = [[f"<code>{text(name)}</code>", number(times)] for name, times in counts.most_common()]
            yield f"<h3>{title}</h3>{table([title[:-1], 'Times'], listed, numbers=(1,))}"
    yield "</section>"


def _dead_letters(summary: Mapping[str, Any], collected: Collected) -> Iterator[str]:
    if not summary["dead_letters"]:
        return
    yield "<section><h2>Dead letters</h2><p>Inputs that could not be processed. Of their values only the shape is"
    yield " shown: every letter as x, every digit as 0.</p>"
    for reason, times in summary["dead_letters"].items():
        yield f'<h3>{text(reason)} <span class="quiet">{number(times)}</span></h3>'
        rows = [
            [
                f"<code>{text(each.source)}</code>",
                f"{text(each.message)}<br><code class=quiet>{text(each.shape)}</code>",
            ]
            for each in collected.samples.get(reason, ())
        ]
        yield table(["Input", "What is wrong"], rows)
    yield "</section>"


def _counts(title: str, meaning: str, name: str, counts: Mapping[str, int]) -> Iterator[str]:
    if counts:
        listed = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
        rows = [[f"<code>{text(kind)}</code>", number(times)] for kind, times in listed]
        yield f"<section><h2>{title}</h2><p>{meaning}</p>"
        yield f"{table([name.capitalize(), 'Times'], rows, numbers=(1,))}</section>"


def _slowest(collected: Collected) -> Iterator[str]:
    total = sum(seconds for part, seconds in collected.seconds.items() if not part.startswith("handler "))
    if not total:
        return
    slowest = sorted(collected.seconds.items(), key=lambda entry: -entry[1])[:_SLOWEST]
    rows = [[text(part), f"{seconds:.2f} s", percent(seconds / total)] for part, seconds in slowest]
    yield "<section><h2>Where the time went</h2><p>Handlers are a part of deciding.</p>"
    yield f"{table(['Part', 'Time', 'Share'], rows, numbers=(1, 2))}</section>"
