"""Which elementary functions are written as arithmetic on vectors?

Each is a builder `f(v, *arguments)` that appends instructions and returns the name of the result. They are right to 4 ulp for
every argument, subnormal and infinite ones too (the gamma family: see there), and the result in a lane depends on the arguments
in that lane alone.
"""

from __future__ import annotations

from collections.abc import Callable

from . import tabulated
from .angles import arccos, arcsin, arctan, arctan2
from .circular import cos, sin, sincos, tan
from .errors import erf, erfc
from .exponentials import exp, exp2, expm1
from .gammas import digamma, gammaln
from .hyperbolic import cosh, sech2, sinh, tanh, tanh_sech2
from .inverse_hyperbolic import arccosh, arcsinh, arctanh
from .logarithms import log, log1p, log2, log10
from .pieces import Builder
from .powers import power
from .remainders import remainder
from .roots import cbrt, hypot
from .zetas import scaled_zeta

__all__ = ["FUNCTIONS", "PAIRS", "TABULATED", "TABULATED_PAIRS", "Builder"]

# The name is that of the op; scaled_zeta takes a whole number last, arctan2 has y first.
FUNCTIONS: dict[str, Builder] = {
    "exp": exp,
    "exp2": exp2,
    "expm1": expm1,
    "log": log,
    "log2": log2,
    "log10": log10,
    "log1p": log1p,
    "sin": sin,
    "cos": cos,
    "tan": tan,
    "sinh": sinh,
    "cosh": cosh,
    "tanh": tanh,
    "sech2": sech2,
    "arcsin": arcsin,
    "arccos": arccos,
    "arctan": arctan,
    "arctan2": arctan2,
    "arcsinh": arcsinh,
    "arccosh": arccosh,
    "arctanh": arctanh,
    "cbrt": cbrt,
    "hypot": hypot,
    "power": power,
    "remainder": remainder,
    "erf": erf,
    "erfc": erfc,
    "gammaln": gammaln,
    "digamma": digamma,
    "scaled_zeta": scaled_zeta,
}
# Functions that are computed together where a program wants both of one argument, with the bits that each has alone.
PAIRS: dict[tuple[str, str], Callable[..., tuple[str, str]]] = {("sin", "cos"): sincos, ("tanh", "sech2"): tanh_sech2}

# The same where registers hold tables.
TABULATED: dict[str, Builder] = {
    "exp": tabulated.exp,
    "exp2": tabulated.exp2,
    "expm1": tabulated.expm1,
    "log": tabulated.log,
    "log1p": tabulated.log1p,
    "tanh": lambda v, x: tabulated.tanh_sech2(v, x)[0],
    "sech2": lambda v, x: tabulated.tanh_sech2(v, x)[1],
}
TABULATED_PAIRS: dict[tuple[str, str], Callable[..., tuple[str, str]]] = {("tanh", "sech2"): tabulated.tanh_sech2}
