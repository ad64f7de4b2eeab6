"""How are hyperbolic functions computed without branches?

sinh x and cosh x by the addition theorem at |x| = k·log 2 + r; both are doubled last, since 2^1024 is no number.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..text import Vector
from .exponentials import PER_LN2, less_multiple_of_ln2, less_multiple_of_ln2_and_excess, rise
from .pieces import at_most, chosen, form, magnitude, nearest, polynomial, signed, two_to


def tanh(v: Vector, x: str) -> str:
    """The hyperbolic tangent: a polynomial up to 0.55, then t/(t + 2) with t = exp 2|x| − 1."""
    size = magnitude(v, x)
    z = v.multiply(x, x)
    near = v.fma(v.multiply(size, z), polynomial(v, "tanh", z), size)
    twice = at_most(v, v.add(size, size), chosen(v, 44, 20))  # beyond, the result is 1
    k, bits = nearest(v, twice, PER_LN2, form(v).bias)
    scale = two_to(v, bits)
    t = v.fma(scale, rise(v, less_multiple_of_ln2(v, twice, k)), v.subtract(scale, v.constant(1)))
    far = v.divide(t, v.add(t, v.constant(2)))
    return signed(v, v.select(v.compare("olt", size, v.constant(0.55)), near, far), x)


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
