"""What does ⊥ do to a series? The standard examples, coefficient by coefficient."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from . import listing, page

SETUP = """
x = tn.variable(2.0, order=4)
z = tn.variable(1.0, order=4)
tau = tn.sin(z)
y = tn.exp(tau)
"""
EXAMPLES = {
    "⊥x": "tn.detach(x)",
    "x − ⊥x": "x - tn.detach(x)",
    "x·⊥x": "x * tn.detach(x)",
    "x/⊥x": "x / tn.detach(x)",
    "x²/⊥(x²)": "x**2 / tn.detach(x**2)",
    "(x − ⊥x)²/2!": "(x - tn.detach(x)) ** 2 / 2",
    "y/⊥y": "y / tn.detach(y)",
    "exp(τ − ⊥τ)": "tn.exp(tau - tn.detach(tau))",
}
BEFORE = """
A series holds the normalised coefficients c₀ = f, c₁ = f′, c₂ = f″/2!, … of a function at a point. Detaching it, ⊥, keeps
c₀ and makes the others zero: the value goes on, the derivatives stop. Every operation below then follows its usual rule.
"""
AFTER = """
x·⊥x has the value x² and the slope of a line: one factor is held fixed. x/⊥x is 1 with slope 1/x.

x − ⊥x is zero in value with slope one, so that (x − ⊥x)ⁿ/n! is a unit in degree n and nothing else. Sums of these give a
function any value and any derivatives you like.

y/⊥y is a whole series divided by its value: its coefficients are y⁽ⁿ⁾/(n!·y). exp(τ − ⊥τ) is the same thing told through
τ = log y, and so the last two rows agree. It is 1 whatever τ is, and carries the derivatives of a probability exp τ into an
average over samples that were drawn from it.
"""


def coefficients() -> dict[str, NDArray[Any]]:
    """The coefficients of each example."""
    names = listing.run(SETUP)
    return {symbol: listing.value(code, names).coeffs for symbol, code in EXAMPLES.items()}


def text() -> str:
    """The page."""
    header = ("", "code", *(f"c{k}" for k in "₀₁₂₃₄"))
    rows = [(symbol, EXAMPLES[symbol], *map(page.significant, found)) for symbol, found in coefficients().items()]
    table = page.columns([header, *rows], left=2)
    return page.page("1. Detach, written ⊥", page.prose(BEFORE), page.shown(SETUP), table, page.prose(AFTER))
