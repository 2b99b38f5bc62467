"""Tables of names and numbers on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table


def print_tables(console: Console, tables: Iterable[Table]) -> None:
    """Print those that have rows, each after a blank line."""
    for each in tables:
        if each.row_count:
            console.print()
            console.print(each)


def table(columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> Table:
    """Return a table whose numbers are always whole: where the terminal is narrow, the names fold."""
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(columns[0], overflow="fold")
    for index, column in enumerate(columns[1:], 1):
        width = max(len(column), *(len(row[index]) for row in cells)) if cells else len(column)
        table.add_column(column, justify="right", no_wrap=True, min_width=width)
    for row in cells:
        table.add_row(*row)
    return table
