"""Write docs/operations.md, the table of all operations, from their declarations: python docs/make_operations.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

import numpy as np

from taylornb.functions import equation_text
from taylornb.rules import Op, registry

PAGE = Path(__file__).with_name("operations.md")
TOP = """\
# Operations

<!-- Written by docs/make_operations.py from the declarations; do not edit. -->

Every operation there is, by the kind of rule its coefficients follow. Each is `tn.` and its name; where the second column
says yes, `np.` and its name do the same. [Theory](theory.md) explains the kinds and the equations.
"""
SECTIONS = (
    (
        "Elementary functions",
        ("equation",),
        "D multiplies a coefficient by its degree, y is the result, x (or a and b) the argument. c1 and c2 are constants\n"
        "given behind the equation. The form is the one that is computed; others with this solution lose digits or overflow.",
    ),
    (
        "Product and quotient",
        ("bilinear", "quotient"),
        "The truncated product, and the solution of b·y = a, upward in degree.",
    ),
    ("Linear operations", ("linear",), "They act on each coefficient by itself; those that choose do so by value."),
    (
        "Functions of the value",
        ("constant",),
        "Only the value survives. Comparisons and logical operations give plain truth values.",
    ),
    ("Names for expressions", ("composite",), "Each is an expression of other operations."),
    (
        "Structure",
        ("structure",),
        "They act on the elements, in the same way for every coefficient, and stand between kernels.",
    ),
)
INSIDE = "Operations inside the equations"
INSIDE_TEXT = (
    "Not public; the equations and expressions above are made of them. One with a parameter is shown for the parameter 2."
)


def page() -> str:
    """The text of the page."""
    parts = [TOP]
    for title, kinds, text in SECTIONS:
        ops = [op for op in registry.values() if op.kind in kinds and op.public]
        parts.append(section(title, f"Kind: {', '.join(kinds)}. {text}", ops))
    return "\n".join([*parts, section(INSIDE, INSIDE_TEXT, [op for op in registry.values() if not op.public])])


def section(title: str, text: str, ops: Sequence[Op]) -> str:
    """A heading, what the operations have in common, and their table."""
    solved = any(op.kind == "equation" for op in ops)
    rows = [(f"`{op.name}`", numpy_name(op), *((equation(op),) if solved else ()), op.summary) for op in ops]
    head = ("operation", "NumPy", *(("equation",) if solved else ()), "what it is")
    return f"## {title}\n\n{text}\n\n{table(head, rows)}\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *escaped])


def numpy_name(op: Op) -> str:
    """Whether NumPy has a public function of the name."""
    return "yes" if op.public and hasattr(np, op.name) else ""


def equation(op: Op) -> str:
    """The equation of an op, its detached parts named."""
    if op.kind != "equation":
        return ""
    text, constants = named(equation_text(op))
    return ", ".join(f"`{bare(line)}`" for line in [text, *constants])


def named(text: str) -> tuple[str, list[str]]:
    """The text with each detached expression, the innermost first, replaced by a name; and what the names stand for."""
    constants: list[str] = []
    for number in count(1):
        start = text.rfind("detach(")
        if start < 0:
            break
        end = closing(text, start + len("detach"))
        constants.append(f"c{number} = ⊥{text[start + len('detach') : end + 1]}")
        text = text.replace(text[start : end + 1], f"c{number}")
    return text, constants


def closing(text: str, start: int) -> int:
    """Where the parenthesis that opens at the start closes."""
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if not depth:
            return place
    raise ValueError(f"a parenthesis is left open in {text!r}")


def bare(text: str) -> str:
    """The text without parentheses around all of an argument or of another parenthesis."""
    for start in reversed([place for place, character in enumerate(text) if character == "("]):
        end = closing(text, start)
        if text[:start].endswith(("(", ", ")) and text[end + 1 :].startswith((")", ",")):
            text = text[:start] + text[start + 1 : end] + text[end + 1 :]
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
