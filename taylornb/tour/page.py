"""What does a page of the tour look like? Plain text, 100 columns wide at most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import fill, indent

WIDTH = 100


def page(title: str, *parts: str) -> str:
    """One stop of the tour: a title and what stands below it."""
    return "\n\n".join([f"{title}\n{'-' * len(title)}", *parts])


def prose(text: str) -> str:
    """Text broken into lines; an indented listing is left as it stands."""
    return "\n\n".join(part if part.startswith(" ") else fill(part, WIDTH) for part in text.strip("\n").split("\n\n"))


def shown(code: str) -> str:
    """Code, set off from the text."""
    return indent(code.strip("\n"), "    ")


def columns(rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Rows of cells, the first `left` columns aligned to the left and the numbers after them to the right."""
    table = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(_row(cells, widths, left) for cells in table)


def significant(value: float, digits: int = 6) -> str:
    """A number to so many significant digits; a zero that is exact reads 0."""
    return f"{value:.{digits}g}"


def _row(cells: Sequence[str], widths: Sequence[int], left: int) -> str:
    sides = ["<"] * left + [">"] * (len(cells) - left)
    return "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(cells, sides, widths, strict=True)).rstrip()
