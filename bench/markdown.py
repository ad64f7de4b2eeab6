"""A table in Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def table(title: str, remark: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Its heading, a remark and the table; nothing where there are no rows."""
    if not rows:
        return ""
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
    return "\n\n".join(filter(None, [f"## {title}", remark, "\n".join(lines)]))
