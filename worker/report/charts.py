"""Charts as SVG. Texts keep their size however wide the page is: only what is drawn stretches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from worker.report.html import Html, el, join
from worker.report.timeline import Series
from worker.report.words import length, moment, number

_LOOKS = 6
_TICKS = 4
_ROOM, _ROOM_ON_A_PHONE = 0.84, 0.52  # where the longest label still fits
_STEPS = (1, 2, 3, 4, 6, 8, 10)


def bar(share: float, label: str) -> Html:
    """Return a share (0 to 1) of a whole as a bar; `label` is for those who hear it."""
    return el(
        "svg",
        el("title", label),
        el("rect", width="100%", height=8, y=4, rx=4, class_="track"),
        el("rect", width=f"{share * 100:.2f}%", height=8, y=4, rx=4, class_="fill"),
        class_="bar",
        role="img",
        height=16,
    )


def interval(observed: float, between: tuple[float, float], expected: float, top: float, label: str) -> Html:
    """Return an observed share with its interval `between` beside the expected one, on a scale from 0 to `top`."""

    def at(share: float) -> str:
        return f"{share / top * 100:.2f}%"

    return el(
        "svg",
        el("title", label),
        el("line", x1="0", x2="100%", y1=14, y2=14, class_="track"),
        el("line", x1=at(expected), x2=at(expected), y1=3, y2=25, class_="expected"),
        el("line", x1=at(between[0]), x2=at(between[1]), y1=14, y2=14, class_="whisker"),
        el("circle", cx=at(observed), cy=14, r=5, class_="observed"),
        class_="interval",
        role="img",
        height=28,
    )


class Line(NamedTuple):
    """A line of a chart; its `look` is a colour and a dash of its own, so that colour is never all there is."""

    name: str
    look: int


def over_time(series: Series, lines: Sequence[Line], heading: str, id_: str) -> Html:
    """Return counts over time, one of the lines for each row of the series, with axes and a legend."""
    top = nice_top(max(max(counts) for counts in series.counts))
    summary = f"{heading} from {moment(series.start)} UTC, per {length(series.step)}. The table below has the numbers."
    return el(
        "figure",
        el("figcaption", f"{heading} per {length(series.step)}, UTC"),
        _legend(lines),
        el(
            "div",
            _scale(top),
            el(
                "svg",
                el("title", heading, id=f"{id_}-title"),
                el("desc", summary, id=f"{id_}-desc"),
                *(el("line", x1=0, x2=100, y1=y, y2=y, class_="grid") for y in (0, 50, 100)),
                *(_line(counts, top, line) for line, counts in zip(lines, series.counts, strict=True)),
                class_="plot",
                role="img",
                aria_labelledby=f"{id_}-title {id_}-desc",
                viewBox="0 0 100 100",
                preserveAspectRatio="none",
            ),
            _times(series),
            class_="chart",
        ),
    )


def _legend(lines: Sequence[Line]) -> Html:
    return el(
        "ul",
        *(
            el(
                "li",
                el("svg", el("path", d="M1 6H27", class_=_class(line)), width=28, height=12, aria_hidden="true"),
                line.name,
            )
            for line in lines
        ),
        class_="legend",
    )


def nice_top(most: int) -> int:
    """Return where an axis of counts ends: a round number whose half is whole."""
    scale: int = 10 ** math.floor(math.log10(max(most, 1)))
    return next(top for step in _STEPS if (top := step * scale) >= most and top % 2 == 0)


def _line(counts: Sequence[int], top: int, line: Line) -> Html:
    points = [f"{(at + 0.5) / len(counts) * 100:.2f} {100 - count / top * 100:.2f}" for at, count in enumerate(counts)]
    lone = "h0" if len(points) == 1 else ""  # a dot: its ends are round
    return el("path", d=f"M{'L'.join(points)}{lone}", class_=_class(line))


def _class(line: Line) -> str:
    return f"line look{line.look % _LOOKS}"


def _scale(top: int) -> Html:
    return el(
        "svg",
        *(
            el("text", number(value), x="100%", y=y, dy=dy, text_anchor="end")
            for value, y, dy in ((top, "0", "0.7em"), (top // 2, "50%", "0.3em"), (0, "100%", "0"))
        ),
        class_="scale",
        aria_hidden="true",
    )


def _times(series: Series) -> Html:
    """Return the labels below: the beginnings of a few steps."""
    steps = len(series.counts[0])
    return el("svg", join(_ticks(series, steps)), class_="times", aria_hidden="true", height=24)


def _ticks(series: Series, steps: int) -> Iterator[Html]:
    """Yield a mark and a label for some steps; a label stands to the right of its mark and must end with the chart."""
    for order, index in enumerate(range(0, steps, math.ceil(steps / _TICKS))):
        share = index / steps
        at, label = f"{share * 100:.2f}%", moment(series.start + index * series.step, series.step)
        spare = order % 2 == 1 or share > _ROOM_ON_A_PHONE
        yield el("line", x1=at, x2=at, y1=0, y2=5, class_="tick")
        if share <= _ROOM:
            yield el("text", label, x=at, y=19, class_="spare" if spare else None)
