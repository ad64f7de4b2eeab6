"""How are the error functions computed without branches?

erfc a = exp(−a²)·R((a − 2)/(a + 2))/(a + 2), with a polynomial R (after Shepherd and Laframboise, 1981).
"""

from __future__ import annotations

from ..text import Vector
from .exponentials import PER_LN2, less_multiple_of_ln2, rise, scaled
from .pieces import at_most, chosen, form, magnitude, nearest, outlined, polynomial, signed, two_product, two_sum


@outlined
def erf(v: Vector, x: str) -> str:
    """The error function: a polynomial up to 1, then 1 − erfc."""
    size = magnitude(v, x)
    far = v.subtract(v.constant(1), _complement(v, size, fine=False))
    return v.select(v.compare("olt", size, v.constant(1)), _near(v, x), signed(v, far, x))


@outlined
def erfc(v: Vector, x: str) -> str:
    """The complementary error function: 1 − erf up to 1/2."""
    size = magnitude(v, x)
    y = _complement(v, size)
    y = v.select(v.compare("olt", x, v.constant(0)), v.subtract(v.constant(2), y), y)
    return v.select(v.compare("olt", size, v.constant(0.5)), v.subtract(v.constant(1), _near(v, x)), y)


def _near(v: Vector, x: str) -> str:
    """Erf x for |x| ≤ 1."""
    return v.fma(x, polynomial(v, "erf", v.multiply(x, x)), x)


def _complement(v: Vector, a: str, fine: bool = True) -> str:
    """Erfc a for a ≥ 1/2; unless `fine`, without the roundings of R/(a + 2), which 1 − erfc does not show."""
    a = at_most(v, a, chosen(v, 28, 10.5))  # beyond, it is 0
    below, lost = two_sum(v, a, v.constant(2))
    inverse = v.divide(v.constant(1), below)
    curve = polynomial(v, "erfc", v.fma(inverse, v.constant(-4), v.constant(1)), steps=3 if fine else 0)
    factor = v.multiply(curve, inverse)
    square, part = two_product(v, a, a)
    k, bits = nearest(v, square, -PER_LN2, 2 * form(v).bias)
    growth = rise(v, v.subtract(less_multiple_of_ln2(v, v.negative(square), k), part))
    if not fine:
        return scaled(v, v.fma(factor, growth, factor), bits)
    rest = v.fma(v.negative(factor), lost, v.fma(v.negative(factor), below, curve))
    return scaled(v, v.add(factor, v.fma(factor, growth, v.multiply(rest, inverse))), bits)
