"""The gamma family in single precision, for kernels in which nothing is to be computed in double precision.

The algorithms are those of `libm`, with as many terms as single precision needs. The numbers in capital letters are typed like
those of `portable`: one that is not would make all arithmetic double. `functions` makes the functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from ... import libm
from .portable import floor

SINGLE = np.float32
ZERO, HALF, ONE, PI, INF, NAN = map(SINGLE, (0, 0.5, 1, math.pi, math.inf, math.nan))
# A zeta takes six terms of its sum and four of the formula: what is missing is below 4e-10 of the sum, of any order and x > 0.
STEPS, LAST = tuple(map(SINGLE, range(5, -1, -1))), SINGLE(5)
FORMULA = tuple(map(SINGLE, libm.EULER_MACLAURIN[:4]))
# Digamma: up to half from its zero 19 terms leave less than 3e-9, and from 6 on four terms of the asymptotic series.
SHIFTED = SINGLE(6)
ROOT, ROOT_TAIL = SINGLE(libm.ZERO), SINGLE(libm.ZERO - float(SINGLE(libm.ZERO)))
AT_ROOT = tuple(map(SINGLE, libm.AT_ZERO[18::-1]))
ASYMPTOTIC = tuple(map(SINGLE, libm.ASYMPTOTIC[3::-1]))
single: Callable[[Any], Any] = SINGLE


def gammaln(x: Any) -> Any:
    """Log |Γ(x)|: CUDA's own function, which is relative to its zeros; of −inf as SciPy has it."""
    return x if math.isinf(x) else math.lgamma(x)


def digamma(x: Any) -> Any:
    """The derivative of log Γ."""
    if x > ZERO or x != x:
        return digamma_of_positive(x)
    if x == ZERO:
        return math.copysign(INF, -math.copysign(ONE, x))
    if math.isinf(x) or x == floor(x):
        return NAN
    r = x - floor(x + HALF)
    if math.fabs(r) > HALF * HALF:  # half a turn less r is exact, where the cotangent has its zero
        return digamma_of_positive(ONE - x) - math.copysign(PI * math.tan(PI * (HALF - math.fabs(r))), r)
    return digamma_of_positive(ONE - x) - PI / math.tan(PI * r)


def digamma_of_positive(x: Any) -> Any:
    """Digamma right of 0: of few from next to its zero, ψ(x + 1) being ψ(x) + 1/x, which loses less than to go up to many."""
    if not x < SHIFTED:
        inverse = ONE / x
        square, tail = inverse * inverse, ZERO
        for coefficient in ASYMPTOTIC:
            tail = (coefficient + tail) * square
        return math.log(x) - inverse * HALF - tail
    total, near, w = ZERO, ZERO, x
    while w > ROOT + HALF:
        w -= ONE
        total += ONE / w
    if w < ROOT - HALF:
        total -= ONE / w
        t = (w - (ROOT - ONE)) - ROOT_TAIL
    else:
        t = (w - ROOT) - ROOT_TAIL
    for coefficient in AT_ROOT:
        near = coefficient + near * t
    return total + near * t


def scaled_zeta(x: Any, s: Any) -> Any:
    """a^(s−1)·Σ_{n ≥ 0} (x + n)^-s for a whole s ≥ 2, a = x right of 0 and the distance to the nearest pole left of it."""
    n = int(s)
    if math.isinf(x):
        return ZERO
    if x > ZERO or x != x:
        return zeta_of_positive(x, n, x)
    if x == floor(x):
        return INF
    sign = -ONE if n % 2 else ONE
    r = x - floor(x + HALF)
    near = math.fabs(r)
    first = ONE / near + sign * zeta_term(ONE - near, n, near)
    whole = first + (zeta_of_positive(ONE + near, n, near) + sign * zeta_of_positive(ONE + (ONE - near), n, near))
    return (sign * whole if r < ZERO else whole) - sign * zeta_of_positive(ONE - x, n, near)


def zeta_of_positive(x: Any, n: int, scale: Any) -> Any:
    """scale^(n−1)·Σ (x + k)^-n: the first terms, the smallest first, and the Euler–Maclaurin formula for the rest."""
    total = ZERO
    for step in STEPS:
        total += zeta_term(x + step, n, scale)
    w = x + LAST
    power, order = ONE / w, single(n)
    rest, square, factor, m = w * (ONE / (order - ONE)) - HALF, power * power, order, order + ONE
    for coefficient in FORMULA:
        rest += coefficient * factor * power
        power *= square
        factor *= m * (m + ONE)
        m += ONE + ONE
    return rest * zeta_term(w, n, scale) + total


def zeta_term(w: Any, n: int, scale: Any) -> Any:
    """scale^(n−1)·w^-n."""
    ratio = scale / w
    term = ratio / w
    for _ in range(n - 2):
        term *= ratio
    return term


# Each after those that it calls.
FUNCTIONS = (gammaln, digamma_of_positive, digamma, zeta_term, zeta_of_positive, scaled_zeta)
PUBLIC = ("gammaln", "digamma", "scaled_zeta")


def functions(compiled: Callable[[Any], Any], floor: Any, mathematics: Any = math) -> dict[str, Any]:
    """The functions by the names that they have in a text: `digamma_f4`.

    Args:
        compiled: What becomes of each before another calls it.
        floor: The largest whole number not above one in single precision.
        mathematics: What stands for the math module in them.
    """
    names = {name: value for name, value in globals().items() if name.isupper()}
    scope: dict[str, Any] = {**names, "single": SINGLE, "floor": floor, "math": mathematics, "__name__": __name__}
    for function in FUNCTIONS:
        scope[function.__name__] = compiled(FunctionType(function.__code__, scope, function.__name__))
    return {f"{name}_f4": scope[name] for name in PUBLIC}
