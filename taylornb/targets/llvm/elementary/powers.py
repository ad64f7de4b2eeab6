"""How are powers computed without branches?

|x|^y = exp(y·log |x|), with the logarithm and the product in two parts each, since the exponential multiplies their error by
up to 745. In float32 the same in float64, which needs no second parts.
"""

from __future__ import annotations

from ..text import Vector
from .exponentials import PER_LN2, rise, scaled
from .logarithms import split, split_normal
from .pieces import (
    INFINITY,
    NAN,
    at_least,
    at_most,
    form,
    in_float64,
    magnitude,
    nearest,
    outlined,
    polynomial,
    quick_sum,
    two_product,
)

LN2 = 0.6931471805599453
THIRD = (0.3333333333333333, 1.850371707708594e-17)


@outlined
def power(v: Vector, x: str, y: str) -> str:
    """x^y, as C's pow."""
    size, one, zero = magnitude(v, x), v.constant(1), v.constant(0)
    result = _positive(v, size, y)
    half = v.multiply(y, v.constant(0.5))
    whole = v.compare("oeq", v.intrinsic("rint", y), y)
    odd = v.logic("and", whole, v.compare("one", v.intrinsic("rint", half), half))
    minus = v.compare_integers("slt", v.bits(x), v.integer(0))
    result = v.select(v.logic("and", minus, odd), v.negative(result), result)
    ordinary = v.logic("and", v.compare("olt", x, zero), v.compare("ogt", x, v.constant(-INFINITY)))
    root = v.logic("and", ordinary, v.opposite(whole))
    nan = v.logic("or", root, v.compare("uno", x, y))
    result = v.select(nan, v.constant(NAN), result)
    return v.select(v.logic("or", v.compare("oeq", x, one), v.compare("oeq", y, zero)), one, result)


def _positive(v: Vector, x: str, y: str) -> str:
    """x^y for x ≥ 0, and x or y may be infinite."""
    one, zero, infinite = v.constant(1), v.constant(0), v.constant(INFINITY)
    result = _in_two_parts(v, x, y) if v.bits_of_element == 64 else _in_one_part(v, x, y)
    end = v.logic("or", v.compare("oeq", x, zero), v.compare("oeq", x, infinite))
    end = v.logic("or", end, v.compare("oeq", magnitude(v, y), infinite))
    grows = v.logic("xor", v.compare("ogt", x, one), v.compare("olt", y, zero))
    result = v.select(end, v.select(grows, infinite, zero), result)
    return v.select(v.compare("oeq", x, one), one, result)


@in_float64
def _in_one_part(v: Vector, x: str, y: str) -> str:
    """The same for numbers that were float32, to 40 bits."""
    e, f = split_normal(v, x)
    w = v.divide(f, v.add(v.constant(2), f))
    z = v.multiply(w, w)
    logarithm = v.fma(v.multiply(w, z), polynomial(v, "short_log", z), v.fma(e, v.constant(LN2), v.add(w, w)))
    # beyond, the float32 is inf or 0, but the float64 is not, and may be scaled in one step
    product = at_least(v, at_most(v, v.multiply(y, logarithm), v.constant(100)), v.constant(-120))
    k, bits = nearest(v, product, PER_LN2)
    r = v.fma(k, v.constant(-LN2), product)
    result = v.add(v.constant(1), v.fma(v.multiply(r, r), polynomial(v, "short_exp", r), r))
    exponent = v.integers("shl", bits, v.integer(form(v).digits))
    return v.floats(v.integers("add", v.bits(result), exponent))


def _in_two_parts(v: Vector, x: str, y: str) -> str:
    high, low = _log(v, x)
    product, lost = two_product(v, y, high)
    moderate = v.compare("olt", magnitude(v, product), v.constant(800))
    lost = v.select(moderate, v.fma(y, low, lost), v.constant(0))
    product = at_least(v, at_most(v, product, v.constant(710)), v.constant(-746))
    k, bits = nearest(v, product, PER_LN2, 2 * form(v).bias)
    first, second = form(v).ln2
    r = v.add(v.fma(k, v.constant(-first), product), v.fma(k, v.constant(-second), lost))
    return scaled(v, v.add(v.constant(1), rise(v, r)), bits)


def _log(v: Vector, x: str) -> tuple[str, str]:
    """The logarithm in two parts, with a relative error of about 2^-64."""
    e, f = split(v, x)
    two = v.constant(2)
    below, lost = quick_sum(v, two, f)
    w = v.divide(f, below)
    rest = v.fma(v.negative(w), lost, v.fma(v.negative(w), below, f))
    w_low = v.multiply(rest, v.fma(w, v.constant(-0.5), v.constant(0.5)))  # 1/(2 + f) is (1 − w)/2
    z, z_low = two_product(v, w, w)
    z_low = v.fma(v.multiply(two, w), w_low, z_low)
    # log(1 + f) = 2w·(1 + z/3 + z²·S(z)); the first two terms have a second part
    third, third_low = v.constant(THIRD[0]), v.constant(THIRD[1])
    bend, bend_low = two_product(v, z, third)
    tail = v.multiply(v.multiply(z, z), polynomial(v, "log_tail", z))
    bend_low = v.add(bend_low, v.fma(z, third_low, v.fma(z_low, third, tail)))
    double = v.add(w, w)
    product, product_low = two_product(v, double, bend)
    total, total_low = quick_sum(v, double, product)
    w_low = v.fma(v.add(w_low, w_low), bend, v.add(w_low, w_low))
    total_low = v.add(total_low, v.add(product_low, v.fma(double, bend_low, w_low)))
    first, second = form(v).ln2
    high, low = quick_sum(v, v.multiply(e, v.constant(first)), total)
    return quick_sum(v, high, v.add(low, v.fma(e, v.constant(second), total_low)))
