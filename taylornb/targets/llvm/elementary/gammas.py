"""How are log |Γ| and its derivative computed without branches?

Between 1 and 2.5 a polynomial over the zeros' factors; up to TOP the recurrence to there, in products or sums of one sign; then
Stirling's series; left of 0 the reflection formulas, which are right relative to the larger of their terms. Float32 is computed
in float64, as in taylornb/libm.py, for the zeros left of 0.
"""

from __future__ import annotations

import math

from ..text import Vector
from .circular import near_tan
from .logarithms import log
from .pieces import INFINITY, NAN, in_float64, larger, magnitude, outlined, polynomial, signed

TOP = 10.5
HALF_LOG_TWO_PI = 0.9189385332046728
ZERO, ZERO_TAIL = 1.4616321449683622, 9.549995429965697e-17  # of digamma, in two parts
# B_2j/2j for j = 1 … 10, of Stirling's series (Abramowitz & Stegun 6.3.18).
STIRLING = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160, 43867 / 14364, -174611 / 6600)


@outlined
@in_float64
def gammaln(v: Vector, x: str) -> str:
    """The logarithm of |Γ(x)|; inf at the poles, ±inf at ±inf."""
    one, zero, infinite = v.constant(1), v.constant(0), v.constant(INFINITY)
    left = v.opposite(v.compare("ogt", x, zero))
    p = v.select(left, v.subtract(one, x), x)
    sine = _sine_of_pi(v, x)
    near = v.compare("olt", p, v.constant(TOP))
    base, factor, below = _recurrence(v, p)
    base = v.select(near, base, _stirling(v, larger(v, p, v.constant(2))))
    factor = v.select(near, factor, one)
    # gammaln p = base ± log factor, minus below 1; left of 0 it is log(π/sine) less that
    mirror = v.divide(v.constant(math.pi), sine)
    turned = v.select(below, v.multiply(mirror, factor), v.divide(mirror, factor))
    logarithm = log(v, v.select(left, turned, factor))
    right = v.select(below, v.subtract(base, logarithm), v.add(base, logarithm))
    y = v.select(left, v.subtract(logarithm, base), right)
    pole = v.logic("and", left, v.compare("oeq", sine, zero))
    y = v.select(pole, infinite, y)
    return v.select(v.compare("olt", magnitude(v, x), infinite), y, x)


@outlined
@in_float64
def digamma(v: Vector, x: str) -> str:
    """The derivative of log Γ; ∓inf at ±0, NaN at the other poles."""
    one, zero = v.constant(1), v.constant(0)
    left = v.opposite(v.compare("ogt", x, zero))
    p = v.select(left, v.subtract(one, x), x)
    far = _digamma_far(v, larger(v, p, v.constant(2)))
    y = v.select(v.compare("olt", p, v.constant(TOP)), _digamma_near(v, p), far)
    r = _to_nearest(v, x)
    tangent = near_tan(v, v.multiply(v.constant(math.pi), r))
    y = v.select(left, v.subtract(y, v.divide(v.constant(math.pi), tangent)), y)
    y = v.select(v.logic("and", left, v.compare("oeq", r, zero)), v.constant(NAN), y)
    pole = signed(v, v.constant(INFINITY), v.negative(x))
    y = v.select(v.compare("oeq", x, zero), pole, y)
    y = v.select(v.compare("oeq", x, v.constant(INFINITY)), x, y)
    lost = v.logic("or", v.compare("uno", x, x), v.compare("oeq", x, v.constant(-INFINITY)))
    return v.select(lost, v.constant(NAN), y)


def _to_nearest(v: Vector, x: str) -> str:
    """The difference of x and the nearest whole number."""
    return v.subtract(x, v.intrinsic("rint", x))


def _sine_of_pi(v: Vector, x: str) -> str:
    """|sin πx|."""
    r = magnitude(v, _to_nearest(v, x))
    return v.multiply(r, polynomial(v, "sinpi", v.multiply(r, r)))


def _recurrence(v: Vector, p: str) -> tuple[str, str, str]:
    """Between 1 and 2.5 the logarithm of Γ at a whole distance from p; the factor from there to p; whether it divides."""
    one = v.constant(1)
    factor = one
    for _ in range(8):
        large = v.compare("oge", p, v.constant(2.5))
        p = v.select(large, v.subtract(p, one), p)
        factor = v.select(large, v.multiply(factor, p), factor)
    below = v.compare("olt", p, one)
    factor = v.select(below, p, factor)
    t = v.select(below, p, v.subtract(p, one))
    beside = v.select(below, v.subtract(p, one), v.subtract(p, v.constant(2)))
    return v.multiply(v.multiply(t, beside), polynomial(v, "gammaln", v.subtract(t, v.constant(0.75)))), factor, below


def _series(v: Vector, w: str, weights: tuple[float, ...]) -> str:
    """Σ weights_j·w^(−2j) without the first factor."""
    inverse = v.divide(v.constant(1), w)
    square = v.multiply(inverse, inverse)
    total = v.constant(weights[-1])
    for c in weights[-2::-1]:
        total = v.fma(total, square, v.constant(c))
    return v.multiply(total, inverse)


def _stirling(v: Vector, w: str) -> str:
    """The logarithm of Γ(w) for w ≥ TOP: (w − 1/2)·(log w − 1) + …, which overflows no sooner than the result."""
    tail = _series(v, w, tuple(c / (2 * j + 1) for j, c in enumerate(STIRLING)))
    rest = v.add(v.constant(HALF_LOG_TWO_PI - 0.5), tail)
    return v.fma(v.subtract(w, v.constant(0.5)), v.subtract(log(v, w), v.constant(1)), rest)


def _digamma_near(v: Vector, p: str) -> str:
    """Digamma up to TOP: the polynomial from 1 to 2, and the sum of 1/p over the steps from there, as one fraction."""
    one = v.constant(1)
    top, bottom = v.constant(0), one
    for _ in range(9):
        large = v.compare("oge", p, v.constant(2))
        p = v.select(large, v.subtract(p, one), p)
        top = v.select(large, v.fma(top, p, bottom), top)
        bottom = v.select(large, v.multiply(bottom, p), bottom)
    below = v.compare("olt", p, one)
    top, bottom = v.select(below, v.constant(-1), top), v.select(below, p, bottom)
    # p + 1 − ZERO, without the rounding of p + 1
    t = v.subtract(p, v.select(below, v.constant(ZERO - 1), v.constant(ZERO)))
    t = v.subtract(t, v.constant(ZERO_TAIL))
    return v.fma(t, polynomial(v, "digamma", t), v.divide(top, bottom))


def _digamma_far(v: Vector, w: str) -> str:
    """Digamma from TOP on: log w − 1/2w − Σ B_2j/2j·w^(−2j)."""
    inverse = v.divide(v.constant(1), w)
    tail = v.multiply(inverse, v.add(v.constant(0.5), _series(v, w, STIRLING)))
    return v.subtract(log(v, w), tail)
