"""How are logarithms computed without branches?

x = 2^e·(1 + f) with 1 + f from √½ to √2, and log(1 + f) = 2·artanh w with w = f/(2 + f), a polynomial in w² but for f − f²/2,
which is exact or nearly so (Sun's fdlibm, e_log.c).
"""

from __future__ import annotations

from ..text import Vector
from .pieces import INFINITY, NAN, form, polynomial, whole_to_float

ROOT_OF_HALF = {64: 0x3FE6A09E667F3BCD, 32: 0x3F3504F3}
# 1/log 2, 1/log 10 and log10 2 in two parts; of the last the first is short, so that its products with exponents are exact.
PER_LN2 = {64: (1.4426950408889634, 2.0355273740931033e-17), 32: (1.4426950216293335, 1.9259629911266175e-08)}
PER_LN10 = {64: (0.4342944819032518, 1.098319650216765e-17), 32: (0.4342944920063019, -1.0103050052231683e-08)}
LOG10_2 = {
    64: (float.fromhex("0x1.34413509fp-2"), 1.7336659603752853e-12),
    32: (float.fromhex("0x1.344p-2"), 4.605038981195214e-06),
}


def log(v: Vector, x: str) -> str:
    """The natural logarithm."""
    e, f = split(v, x)
    return of_domain(v, x, joined(v, e, f))


def log2(v: Vector, x: str) -> str:
    """The logarithm to base 2."""
    e, f = split(v, x)
    return of_domain(v, x, v.add(e, _scaled(v, f, PER_LN2[v.bits_of_element], v.constant(0))))


def log10(v: Vector, x: str) -> str:
    """The logarithm to base 10."""
    e, f = split(v, x)
    first, second = LOG10_2[v.bits_of_element]
    rest = _scaled(v, f, PER_LN10[v.bits_of_element], v.multiply(e, v.constant(second)))
    return of_domain(v, x, v.fma(e, v.constant(first), rest))


def log1p(v: Vector, x: str) -> str:
    """log(1 + x)."""
    y = of_domain(v, v.add(v.constant(1), x), of_one_plus(v, x))
    return v.select(v.compare("oeq", x, v.constant(0)), x, y)


def of_one_plus(v: Vector, u: str, extra: str | None = None) -> str:
    """log(1 + u) + extra·log 2 for u > −1."""
    one = v.constant(1)
    e, f, bits = _parts(v, v.add(one, u))
    scale = v.floats(v.integers("sub", v.integer(2 * form(v).one_bits), bits))  # 2^-e, where that is a number
    near = v.compare("olt", u, v.constant(2.0 ** (form(v).digits + 2)))
    f = v.select(near, v.fma(u, scale, v.subtract(scale, one)), f)  # not that of 1 + u, which was rounded
    return joined(v, e if extra is None else v.add(e, extra), f)


def split(v: Vector, x: str) -> tuple[str, str]:
    """The exponent e and the fraction f of a positive number, subnormal ones too: x = 2^e·(1 + f)."""
    shift = form(v).digits + 2
    tiny = v.compare("olt", x, v.constant(form(v).smallest))
    x = v.select(tiny, v.multiply(x, v.constant(2.0**shift)), x)
    e, f, _ = _parts(v, x)
    return v.select(tiny, v.subtract(e, v.constant(shift)), e), f


def split_normal(v: Vector, x: str) -> tuple[str, str]:
    """The same for normal numbers only."""
    e, f, _ = _parts(v, x)
    return e, f


def _parts(v: Vector, x: str) -> tuple[str, str, str]:
    """Exponent and fraction of a positive normal number, and the exponent in its place among the bits of 2^e."""
    start, one, digits = ROOT_OF_HALF[v.bits_of_element], form(v).one_bits, form(v).digits
    moved = v.integers("add", v.bits(x), v.integer(one - start))
    exponent = v.integers("and", moved, v.integer(-1 << digits))
    fraction = v.integers("add", v.integers("xor", moved, exponent), v.integer(start))
    biased = v.integers("lshr", moved, v.integer(digits))
    e = whole_to_float(v, v.integers("sub", biased, v.integer(form(v).bias)))
    return e, v.subtract(v.floats(fraction), v.constant(1)), exponent


def joined(v: Vector, e: str, f: str) -> str:
    """e·log 2 + log(1 + f)."""
    high, low = form(v).ln2
    half_square, rest = _tail(v, f)
    rest = v.fma(e, v.constant(low), rest)
    return v.fma(e, v.constant(high), v.subtract(f, v.subtract(half_square, rest)))


def _scaled(v: Vector, f: str, factor: tuple[float, float], more: str) -> str:
    """The sum log(1 + f)·factor + more, the factor in two parts; f is exact, so its product is the one that counts."""
    half_square, rest = _tail(v, f)
    high, low = v.constant(factor[0]), v.constant(factor[1])
    small = v.fma(v.subtract(rest, half_square), high, v.fma(f, low, more))
    return v.fma(f, high, small)


def _tail(v: Vector, f: str) -> tuple[str, str]:
    """f²/2, and log(1 + f) − f + f²/2."""
    w = v.divide(f, v.add(v.constant(2), f))
    z = v.multiply(w, w)
    half_square = v.multiply(v.multiply(v.constant(0.5), f), f)
    return half_square, v.multiply(w, v.fma(z, polynomial(v, "log", z), half_square))


def of_domain(v: Vector, x: str, y: str) -> str:
    """Where 0 < x < ∞, y; elsewhere what every logarithm of x is."""
    zero, infinite = v.constant(0), v.constant(INFINITY)
    beyond = v.select(v.compare("oeq", x, zero), v.constant(-INFINITY), v.constant(NAN))
    y = v.select(v.compare("ogt", x, zero), y, beyond)
    return v.select(v.compare("oeq", x, infinite), infinite, y)
