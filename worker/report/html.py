"""The elements that the page is made of, as HTML text. Everything that is not ours is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from worker.report.statistics import Interval

COLOURS = 6
_COLUMNS_ON_A_PHONE = 3


def text(value: str) -> str:
    """Return a text as HTML."""
    return escape(value)


def number(value: float) -> str:
    """Return a count with its thousands apart."""
    return f"{value:,.0f}"


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{100 * share:.1f} %"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = ()) -> str:
    """Return a table of cells that are HTML already; the first of each row is its head, `numbers` are right-aligned."""
    titles = "".join(f'<th scope="col"{_number(index in numbers)}>{cell}</th>' for index, cell in enumerate(head))
    body = "".join(f"<tr>{_cells(head, row, numbers)}</tr>" for row in rows)
    folds = ' class="folds"' if len(head) > _COLUMNS_ON_A_PHONE else ""
    return f"<table{folds}><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def _cells(head: Sequence[str], row: Sequence[str], numbers: Sequence[int]) -> str:
    """Return a row; each cell knows its column's name, which a narrow screen shows beside it."""
    first, *rest = row
    others = (
        f'<td data-name="{escape(head[index])}"{_number(index in numbers)}><div>{cell}</div></td>'
        for index, cell in enumerate(rest, 1)
    )
    return f'<th scope="row">{first}</th>' + "".join(others)


def _number(right: bool) -> str:  # noqa: FBT001 - what the cell is
    return ' class="number"' if right else ""


def swatch(index: int) -> str:
    """Return a patch of a line's colour; the name beside it says the same."""
    return f'<span class="swatch c{index % COLOURS}" aria-hidden="true"></span>'


def share_bar(found: Interval, expected: float | None, colour: int) -> str:
    """Return a bar from 0 to 100 %: the interval as a block, the expected share as a line."""
    label = f"observed {percent(found.share)}, between {percent(found.low)} and {percent(found.high)}"
    due = "" if expected is None else f", expected {percent(expected)}"
    mark = "" if expected is None else f'<line x1="{100 * expected:.2f}" x2="{100 * expected:.2f}" y1="0" y2="20"/>'
    width = max(100 * (found.high - found.low), 0.6)
    block = f'<rect class="c{colour % COLOURS}" x="{100 * found.low:.2f}" y="4" width="{width:.2f}" height="12"/>'
    return (
        f'<svg class="share" viewBox="0 0 100 20" preserveAspectRatio="none" role="img" aria-label="{label}{due}">'
        f'<rect class="track" x="0" y="6" width="100" height="8"/>'
        f"{block}{mark}</svg>"
    )


def line_chart(title: str, buckets: Sequence[str], lines: Sequence[tuple[str, Sequence[int]]], unit: str) -> str:
    """Return counts over time, a line for each name (escaped here), with its numbers in a table below."""
    top = max((max(counts) for _, counts in lines), default=0) or 1
    drawn = "".join(_polyline(counts, top, index) for index, (_, counts) in enumerate(lines))
    legend = "".join(f"<li>{swatch(index)}{text(name)}</li>" for index, (name, _) in enumerate(lines))
    rows = [[text(bucket), *[number(counts[at]) for _, counts in lines]] for at, bucket in enumerate(buckets)]
    columns = [unit, *[text(name) for name, _ in lines]]
    middle = buckets[len(buckets) // 2 : len(buckets) // 2 + 1] if len(buckets) > 2 else ()  # noqa: PLR2004 - the ends
    return (
        f'<figure class="chart"><figcaption>{text(title)}</figcaption><div class="plot">'
        f"{_axis('y', [number(top), number(top / 2), '0'])}"
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="{text(title)}; numbers below">'
        f'<line x1="0" x2="100" y1="0" y2="0"/><line x1="0" x2="100" y1="50" y2="50"/>'
        f'<line x1="0" x2="100" y1="100" y2="100"/>{drawn}</svg>'
        f"{_axis('x', [buckets[0], *middle, buckets[-1]])}</div>"
        f'<ul class="legend">{legend}</ul><details><summary>Numbers</summary>'
        f"{table(columns, rows, numbers=range(1, len(columns)))}</details></figure>"
    )


def _axis(name: str, marks: Sequence[str]) -> str:
    spans = "".join(f"<span>{text(mark)}</span>" for mark in marks)
    return f'<div class="axis {name}" aria-hidden="true">{spans}</div>'


def _polyline(counts: Sequence[int], top: int, index: int) -> str:
    last = max(len(counts) - 1, 1)
    points = [f"{100 * at / last:.2f},{100 - 100 * count / top:.2f}" for at, count in enumerate(counts)]
    if len(points) == 1:  # a single moment is a level
        points.append(f"100,{100 - 100 * counts[0] / top:.2f}")
    return f'<polyline class="c{index % COLOURS}" style="fill:none" points="{" ".join(points)}"/>'
