"""How does the energy of the 4×4 Ising model depend on temperature? Its Taylor series, from all 65,536 states."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import listing, page

# Nearest neighbours with J = 1 on a periodic 4×4 lattice: the energies there are, and how many states have each.
POSITIVE = {4: 13568, 8: 6688, 12: 1728, 16: 424, 20: 64, 24: 32, 32: 2}
LEVELS = {**{-energy: count for energy, count in POSITIVE.items()}, 0: 20524, **POSITIVE}
# e = ⟨E⟩/16 and its derivatives with respect to β at β_c, and the heat capacity for each spin, from exact arithmetic.
KNOWN = (-1.565623787638318608, -4.033199098962148118, 28.77906876864229, 49.98214378607537, -6879.15236456516)
KNOWN_HEAT = 0.78326682592890941
STEPS = (-0.04, -0.02, 0.02, 0.04)

CODE = """
beta_c = np.log(1 + np.sqrt(2)) / 2
beta = tn.variable(beta_c, order=4)
mean = np.average(E, weights=count * np.exp(-beta_c * (E + 32)))
p = count * tn.exp(-beta * (E - mean))
e = (mean + np.sum(p * (E - mean)) / np.sum(p)) / 16
heat = -(beta_c**2) * e.derivative(1)
"""
BEFORE = """
A 4×4 lattice of spins, neighbours coupled with J = 1, periodic, has 65,536 states on 15 levels of energy; the arrays
`E` and `count` hold each level and how many states it has. Weighted with exp(−βE), the states give the mean energy e of
a spin at the inverse temperature β. With β a series, so is e. Measuring the energies from their mean changes nothing in
exact arithmetic and saves digits in ours.
"""
AFTER_TABLE = "The heat capacity for each spin, −β²·e′, is {heat:.15f}; known: {known:.15f}."
NEARBY = """
One expansion at β_c = {beta_c:.6f} serves a whole neighbourhood. Here is the series, summed to order 4, next to the
average over all states taken afresh at each β. With a sample drawn at β_c instead of all states, and p/⊥p in place of p,
the same lines turn a single simulation into a curve.
"""


def levels() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The energies and the number of states of each, shape (15,)."""
    return np.array([*LEVELS], dtype=np.float64), np.array([*LEVELS.values()], dtype=np.float64)


def series() -> dict[str, Any]:
    """What the listing computes: e, heat and what they are made of."""
    energy, count = levels()
    return listing.run(CODE, E=energy, count=count)


def direct(beta: float) -> float:
    """The mean energy of a spin at one temperature, without series."""
    energy, count = levels()
    return float(np.average(energy, weights=count * np.exp(-beta * (energy + 32))) / 16)


def text() -> str:
    """The page."""
    found = series()
    heat = AFTER_TABLE.format(heat=found["heat"], known=KNOWN_HEAT)
    nearby = page.prose(NEARBY.format(beta_c=found["beta_c"]))
    parts = [page.prose(BEFORE), page.shown(CODE), _derivatives(found["e"]), heat, nearby, _nearby(found)]
    return page.page("3. The Ising model as a Taylor series in β", *parts)


def _derivatives(e: Any) -> str:
    header = ("", "coefficient", "derivative", "known", "relative difference")
    rows = [_derivative(k, float(e.coefficient(k)), float(e.derivative(k))) for k in range(len(KNOWN))]
    return page.columns([header, *rows])


def _derivative(k: int, coefficient: float, derivative: float) -> tuple[str, ...]:
    difference = abs(derivative / KNOWN[k] - 1)
    digits = (page.significant(number, 16) for number in (coefficient, derivative, KNOWN[k]))
    return ("e" + ("", "′", "″", "‴", "⁗")[k], *digits, f"{difference:.0e}" if difference else "0")


def _nearby(found: dict[str, Any]) -> str:
    rows = []
    for step in STEPS:
        summed, exact = float(np.polynomial.Polynomial(found["e"].coeffs)(step)), direct(found["beta_c"] + step)
        rows.append((f"β_c {step:+.2f}", f"{summed:.6f}", f"{exact:.6f}", f"{summed - exact:+.6f}"))
    return page.columns([("β", "series", "all states", "difference"), *rows])
