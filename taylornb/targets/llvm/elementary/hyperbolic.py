"""How are hyperbolic functions computed without branches?

tanh x and 1/cosh² x share an exponential and a division, and kernels want both: one is the slope of the other.

sinh x and cosh x by the addition theorem at |x| = k·log 2 + r; both are doubled last, since 2^1024 is no number.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..text import Vector
from .exponentials import PER_LN2, less_multiple_of_ln2, less_multiple_of_ln2_and_excess, rise, scaled
from .pieces import at_least, at_most, chosen, form, magnitude, nearest, polynomial, quick_sum, signed


def tanh(v: Vector, x: str) -> str:
    """The hyperbolic tangent."""
    return tanh_sech2(v, x)[0]


def sech2(v: Vector, x: str) -> str:
    """1/cosh²."""
    return tanh_sech2(v, x)[1]


def tanh_sech2(v: Vector, x: str) -> tuple[str, str]:
    """Both; the tangent up to 0.55 by a polynomial, since below 1/2 the digits that 1 − e has lost would show."""
    twice = twice_below(v, x)
    k, bits = nearest(v, twice, PER_LN2, 2 * form(v).bias + 2)
    less_one = rise(v, less_multiple_of_ln2(v, twice, k), "expm1")
    four = scaled(v, v.add(v.constant(1), less_one), bits)
    fall = v.fma(four, v.constant(0.25), v.constant(-1))
    far, slope = of_fall(v, x, v.select(v.compare("oeq", k, v.constant(0)), less_one, fall), four)
    z = v.multiply(x, x)
    near = v.fma(v.multiply(x, z), polynomial(v, "tanh", z), x)
    return signed(v, v.select(v.compare("olt", magnitude(v, x), v.constant(0.55)), near, far), x), slope


def twice_below(v: Vector, x: str) -> str:
    """−2|x|, but no less than where 1/cosh² is 0."""
    return at_least(v, v.multiply(magnitude(v, x), v.constant(-2)), chosen(v, -750, -106))


def of_fall(v: Vector, x: str, fall: str, four: str) -> tuple[str, str]:
    """Both, from e − 1 and 4e with e = exp(−2|x|): (1 − e)/(1 + e) and 4e/(1 + e)²."""
    bottom, lost = quick_sum(v, v.constant(2), fall)
    inverse = v.divide(v.constant(1), bottom)
    error = v.fma(v.negative(lost), inverse, v.fma(v.negative(bottom), inverse, v.constant(1)))
    slope = v.multiply(four, v.multiply(inverse, inverse))
    slope = v.fma(slope, v.add(error, error), slope)  # the square has twice the error
    t = v.multiply(fall, inverse)
    rest = v.fma(v.negative(t), lost, v.fma(v.negative(t), bottom, fall))
    return signed(v, v.fma(rest, inverse, t), x), slope


def sinh(v: Vector, x: str) -> str:
    """The hyperbolic sine."""
    p = _parts(v, x)
    bend = v.fma(p.sum, p.bend, v.multiply(p.difference, p.above_one))
    half = v.add(p.difference, v.fma(p.sum, p.r, bend))
    near = v.add(p.r, p.bend)  # not twice its half: that loses the last bit of subnormals
    return signed(v, v.select(v.compare("oeq", p.k, v.constant(0)), near, v.add(half, half)), x)


def cosh(v: Vector, x: str) -> str:
    """The hyperbolic cosine."""
    p = _parts(v, x)
    bend = v.fma(p.difference, p.bend, v.multiply(p.sum, p.above_one))
    half = v.add(p.sum, v.fma(p.difference, p.r, bend))
    return v.add(half, half)


@dataclass(frozen=True)
class _Parts:
    """The pieces of both: sinh and cosh of k·log 2, halved, and of r.

    Attributes:
        k: The multiple of log 2.
        difference: 2^(k−2) − 2^(−k−2).
        sum: 2^(k−2) + 2^(−k−2).
        r: The rest.
        bend: sinh r − r.
        above_one: cosh r − 1.
    """

    k: str
    difference: str
    sum: str
    r: str
    bend: str
    above_one: str


def _parts(v: Vector, x: str) -> _Parts:
    f = form(v)
    size = at_most(v, magnitude(v, x), chosen(v, 710.6, 89.6))  # beyond, the result is inf
    k, bits = nearest(v, size, PER_LN2, f.bias - 2)
    r, excess = less_multiple_of_ln2_and_excess(v, size, k)
    z = v.multiply(r, r)
    bend = v.fma(v.multiply(r, z), polynomial(v, "sinh", z), v.negative(excess))
    up_bits = v.integers("shl", bits, v.integer(f.digits))
    up = v.floats(up_bits)
    down = v.floats(v.integers("sub", v.integer(2 * f.bias - 4 << f.digits), up_bits))
    down = v.select(v.compare("olt", k, v.constant(60)), down, v.constant(0))
    above_one = v.multiply(z, polynomial(v, "cosh", z))
    return _Parts(k, v.subtract(up, down), v.add(up, down), r, bend, above_one)
