"""What does ⊥_φ do, which detaches in some of the variables only?"""

from __future__ import annotations

from typing import Any

from . import listing, page

SETUP = """
theta, phi = tn.variables(order=2, theta=0.6, phi=0.3)
u = tn.sin(theta) * tn.exp(phi * theta)
"""
READINGS = {"u": "u", "⊥_φ u": 'tn.detach(u, "phi")', "⊥u": "tn.detach(u)"}
MONOMIALS = ("1", "θ", "φ", "θ²", "θφ", "φ²")
BEFORE = "In several variables a series has a coefficient for each monomial. Take u = sin θ · exp(φθ):"
AFTER = """
⊥_φ drops every coefficient in which φ takes part, the mixed one θφ too, and leaves those of θ alone as they were. What remains
is the series of sin θ · exp(0.3·θ): φ has become a number. An optimiser of φ therefore sees u as given, and one of θ still
learns through it, which is what a stop-gradient in a two-player or variational objective is meant to say.
"""


def readings() -> dict[str, Any]:
    """u, and u detached in φ and in both variables."""
    names = listing.run(SETUP)
    return {symbol: listing.value(code, names) for symbol, code in READINGS.items()}


def text() -> str:
    """The page."""
    rows = [(symbol, READINGS[symbol], *map(page.significant, found.coeffs)) for symbol, found in readings().items()]
    table = page.columns([("", "code", *MONOMIALS), *rows], left=2)
    title = "2. ⊥_φ, detached in some variables only"
    return page.page(title, page.prose(BEFORE), page.shown(SETUP), table, page.prose(AFTER))
