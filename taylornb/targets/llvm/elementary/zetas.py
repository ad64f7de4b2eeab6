"""How are Hurwitz' zeta functions computed without branches?

As in taylornb/libm.py: a sum of the first terms and the Euler–Maclaurin formula for the rest, scaled against overflow.
Float32 is computed in float64.
"""

from __future__ import annotations

from ....libm import EULER_MACLAURIN
from ..text import Vector
from .pieces import INFINITY, in_float64, magnitude, outlined


@outlined
@in_float64
def scaled_zeta(v: Vector, x: str, s: int) -> str:
    """The sum a^(s−1)·Σ (x + n)^-s for a whole s ≥ 2, inf at the poles.

    The scale a is x, and left of 0 the distance to the nearest pole.
    """
    zero, one = v.constant(0), v.constant(1)
    left = v.opposite(v.compare("ogt", x, zero))
    r = v.subtract(x, v.intrinsic("rint", x))
    size = magnitude(v, r)
    p = v.select(left, v.subtract(one, x), x)
    y = zeta_of_positive(v, p, v.select(left, size, x), s)
    mirrored = _sum_over_all(v, size, s)
    whole = v.select(v.compare("olt", r, zero), _alternating(v, s, mirrored), mirrored)
    y = v.select(left, v.subtract(whole, _alternating(v, s, y)), y)
    pole = v.logic("and", v.compare("ole", x, zero), v.compare("oeq", r, zero))
    y = v.select(pole, v.constant(INFINITY), y)
    return v.select(v.compare("oeq", magnitude(v, x), v.constant(INFINITY)), zero, y)


def _alternating(v: Vector, s: int, y: str) -> str:
    """(−1)^s·y."""
    return v.negative(y) if s % 2 else y


def _power(v: Vector, x: str, n: int) -> str:
    result = None
    while n:
        if n % 2:
            result = x if result is None else v.multiply(result, x)
        n //= 2
        x = v.multiply(x, x) if n else x
    return result or v.constant(1)


def _sum_over_all(v: Vector, r: str, s: int) -> str:
    """The sum r^(s−1)·Σ (r + k)^-s over every whole k, 0 < r ≤ 1/2: the nearest terms first, which cancel at 1/2 for odd s."""
    one = v.constant(1)
    below = v.subtract(one, r)
    second = v.divide(_power(v, v.divide(r, below), s - 1), below)
    nearest = v.add(v.divide(one, r), _alternating(v, s, second))
    right, left = (zeta_of_positive(v, start, r, s) for start in (v.add(one, r), v.subtract(v.constant(2), r)))
    return v.add(nearest, v.add(right, _alternating(v, s, left)))


@outlined
def zeta_of_positive(v: Vector, x: str, scale: str, s: int) -> str:
    """The sum scale^(s−1)·Σ (x + k)^-s by the Euler–Maclaurin formula."""
    w, total = _first_terms(v, x, scale, s)
    inverse = v.divide(v.constant(1), w)
    lead = _power(v, v.divide(scale, w), s - 1)
    tail = v.fma(v.multiply(lead, inverse), v.constant(0.5), v.divide(lead, v.constant(s - 1)))
    factor = v.multiply(v.multiply(v.multiply(lead, inverse), inverse), v.constant(s))
    for j, c in enumerate(EULER_MACLAURIN):
        tail = v.fma(factor, v.constant(c), tail)
        step = v.multiply(v.multiply(v.constant(s + 2 * j + 1), inverse), v.multiply(v.constant(s + 2 * j + 2), inverse))
        factor = v.multiply(factor, step)
    return v.add(total, tail)


def _first_terms(v: Vector, x: str, scale: str, s: int) -> tuple[str, str]:
    """The first w = x + k from s + 10 on, and the sum of the terms before it."""
    code, one = v.code, v.constant(1)
    before, head, end = code.block, code.name("head"), code.name("end")
    w, total = code.name("%w"), code.name("%total")
    code.do(f"br label %{head}")
    code.label(head)
    at = len(code.lines)
    active = v.compare("olt", w, v.constant(s + 10))
    power = _power(v, v.divide(scale, w), s - 1)
    more = v.select(active, v.add(total, v.divide(power, w)), total)
    after = v.select(active, v.add(w, one), w)
    again = v.any(v.compare("olt", after, v.constant(s + 10)))
    code.do(f"br i1 {again}, label %{head}, label %{end}")
    code.lines[at:at] = [
        f"{w} = phi {v.type} [ {x}, %{before} ], [ {after}, %{head} ]",
        f"{total} = phi {v.type} [ {v.constant(0)}, %{before} ], [ {more}, %{head} ]",
    ]
    code.label(end)
    return after, more
