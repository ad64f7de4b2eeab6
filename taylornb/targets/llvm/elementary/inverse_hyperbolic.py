"""How are inverse hyperbolic functions computed without branches?"""

from __future__ import annotations

from ..text import Vector
from .logarithms import of_one_plus
from .pieces import INFINITY, NAN, chosen, form, magnitude, polynomial, signed, whole_to_float


def arcsinh(v: Vector, x: str) -> str:
    """The inverse hyperbolic sine: log(1 + u) with u = |x| + x²/(1 + √(1 + x²))."""
    one, size = v.constant(1), magnitude(v, x)
    square = v.multiply(size, size)
    root = v.intrinsic("sqrt", v.fma(size, size, one))
    u = v.add(size, v.divide(square, v.add(one, root)))
    y = _up_to_huge(v, size, u)
    return signed(v, v.select(v.compare("olt", size, v.constant(INFINITY)), y, size), x)


def arccosh(v: Vector, x: str) -> str:
    """The inverse hyperbolic cosine: log(1 + u) with u = t + √(t² + 2t) and t = x − 1."""
    one = v.constant(1)
    t = v.subtract(x, one)
    u = v.add(t, v.intrinsic("sqrt", v.fma(t, t, v.add(t, t))))
    y = _up_to_huge(v, x, u)
    y = v.select(v.compare("olt", x, v.constant(INFINITY)), y, x)
    return v.select(v.compare("olt", x, one), v.constant(NAN), y)


def _up_to_huge(v: Vector, x: str, u: str) -> str:
    """log(1 + u), but log 2x where x² may overflow."""
    huge = v.compare("ogt", x, chosen(v, 2.0**28, 2.0**13))
    u = v.select(huge, v.subtract(x, v.constant(1)), u)
    return of_one_plus(v, u, v.select(huge, v.constant(1), v.constant(0)))


def arctanh(v: Vector, x: str) -> str:
    """The inverse hyperbolic tangent.

    (1 + x)/(1 − x) = 2^e·(1 + w)/(1 − w), and the result is e·(log 2)/2 + artanh w, with w a single quotient, and x if e = 0.
    """
    f, size, one = form(v), magnitude(v, x), v.constant(1)
    above, below = v.add(one, size), v.subtract(one, size)
    # The bits of a number grow as its logarithm does, within 0.09.
    ratio = v.integers("sub", v.bits(above), v.bits(below))
    exponent = v.integers("lshr", v.integers("add", ratio, v.integer(1 << f.digits - 1)), v.integer(f.digits))
    e = whole_to_float(v, exponent)
    scale = v.floats(v.integers("add", v.integers("shl", exponent, v.integer(f.digits)), v.integer(f.one_bits)))
    up, down = v.add(one, scale), v.subtract(one, scale)
    # (1 + x) ∓ 2^e·(1 − x), rounded once; where 1 ± 2^e would be rounded, 1 − x is not.
    top = v.select(
        v.compare("olt", scale, v.constant(2.0**12)),
        v.fma(size, up, down),
        v.fma(v.negative(scale), below, above),
    )
    w = v.divide(top, v.fma(size, down, up))
    z = v.multiply(w, w)
    high, low = (part / 2 for part in f.ln2)
    bend = v.fma(v.multiply(w, z), polynomial(v, "atanh", z), v.multiply(e, v.constant(low)))
    y = v.fma(e, v.constant(high), v.add(w, bend))
    beyond = v.select(v.compare("oeq", size, one), v.constant(INFINITY), v.constant(NAN))
    return signed(v, v.select(v.compare("olt", size, one), y, beyond), x)
