"""Tables that stay readable on a phone: where there is no room, each row becomes a card."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from worker.report.html import Child, Html, el
from worker.report.words import number

_FITS = 3  # columns that a phone has room for


class Text(str):
    """The heading of a column of text; the others but the first have numbers."""

    __slots__ = ()


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Child]], *, hidden: bool = False) -> Html:
    """Return a table with a header row and a header column.

    `hidden` keeps the caption for those who hear the page, where a heading says the same.
    """
    stacked = len(columns) > _FITS
    kinds = [None, *map(_kind, columns[1:])]
    head = [
        el("th", column, scope="col", role="columnheader", class_=kind)
        for column, kind in zip(columns, kinds, strict=True)
    ]
    return el(
        "table",
        el("caption", caption, class_="unseen" if hidden else None),
        el("thead", el("tr", *head, role="row"), role="rowgroup"),
        el("tbody", *(_row(columns, row) for row in rows), role="rowgroup"),
        class_="stacked" if stacked else None,
        role="table",  # which a browser forgets where rows are cards
    )


def _row(columns: Sequence[str], row: Sequence[Child]) -> Html:
    first, *others = row
    cells = (
        el("td", _boxed(cell), role="cell", class_=_kind(column), data_label=column)
        for column, cell in zip(columns[1:], others, strict=True)
    )
    return el("tr", el("th", _shown(first), scope="row", role="rowheader"), *cells, role="row")


def _boxed(cell: Child) -> Child:
    """Hold markup together: on a phone a cell puts its parts beside each other."""
    return el("div", cell) if isinstance(cell, Html) and not cell.startswith("<svg") else _shown(cell)


def _shown(cell: Child) -> Child:
    return number(cell) if isinstance(cell, int) else cell


def _kind(column: str) -> str | None:
    return None if isinstance(column, Text) else "number"


def folded(summary: str, content: Html) -> Html:
    """Return content behind a line that opens it."""
    return el("details", el("summary", summary), content)


def scrolled(label: str, content: Html) -> Html:
    """Return content that may be wider than its place, in a region that the keyboard can reach and scroll."""
    return el("div", content, class_="scrolled", role="region", aria_label=label, tabindex=0)
