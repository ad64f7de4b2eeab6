"""How are exponentials and logarithms computed where a table of sixteen numbers lies in registers?

eˣ = 2^k·2^(j/16)·eʳ with |r| ≤ (log 2)/32, so that a polynomial half as long is enough; log x = e·log 2 + log c + log(1 + r),
where 1/c is in the table, so that there is no division.
"""

from __future__ import annotations

from ..text import Vector
from .exponentials import PER_LN2, less_multiple_of_ln2
from .hyperbolic import of_fall, twice_below
from .pieces import at_least, at_most, chosen, form, polynomial, signed
from .registers import exponent, lookup, significand, times_two_to
from .tables import TABLES

STEPS = 16  # in the exponent


def exp(v: Vector, x: str) -> str:
    """eˣ."""
    x = at_least(v, at_most(v, x, chosen(v, 710, 89)), chosen(v, -746, -104))  # beyond, the result is inf or 0 all the same
    k, places = _sixteenths(v, x, PER_LN2)
    r, power = less_multiple_of_ln2(v, x, k), _table(v, "exp2", places)
    rise = v.fma(v.multiply(r, r), polynomial(v, "exp_sixteenth", r), r)
    return times_two_to(v, v.fma(power, rise, power), k)


def exp2(v: Vector, x: str) -> str:
    """2ˣ."""
    x = at_least(v, at_most(v, x, chosen(v, 1025, 129)), chosen(v, -1076, -151))
    k, places = _sixteenths(v, x, 1.0)
    r, power = v.subtract(x, k), _table(v, "exp2", places)
    return times_two_to(v, v.fma(power, v.multiply(r, polynomial(v, "exp2_sixteenth", r)), power), k)


def expm1(v: Vector, x: str) -> str:
    """eˣ − 1, as 2^k·(2^(j/16)·eʳ − 2^−k), which has no number too large in it."""
    x = at_least(v, at_most(v, x, chosen(v, 710, 89)), chosen(v, -50, -30))
    k, power, rise = _powers(v, x)
    one = times_two_to(v, v.constant(1), v.intrinsic("ceil", v.negative(k)))  # 2^−⌊k⌋
    return signed(v, times_two_to(v, v.fma(power, rise, v.subtract(power, one)), k), x)


def tanh_sech2(v: Vector, x: str) -> tuple[str, str]:
    """The hyperbolic tangent and 1/cosh²."""
    k, power, rise = _powers(v, twice_below(v, x))
    four = times_two_to(v, power, v.add(k, v.constant(2)))
    one = times_two_to(v, power, k)
    return of_fall(v, x, v.fma(one, rise, v.subtract(one, v.constant(1))), v.fma(four, rise, four))


def _powers(v: Vector, x: str) -> tuple[str, str, str]:
    """A multiple k of 1/16, and two numbers with eˣ = 2^⌊k⌋·power·(1 + rise), the rise to its own last digits."""
    high, low = form(v).ln2
    k, places = _sixteenths(v, x, PER_LN2)
    near, lower = v.fma(k, v.constant(-high), x), v.constant(-low)
    r = v.fma(k, lower, near)
    bend = v.fma(v.multiply(r, r), polynomial(v, "expm1_sixteenth", r), _table(v, "exp2_rest", places))
    return k, _table(v, "exp2", places), v.add(near, v.fma(k, lower, bend))


def _sixteenths(v: Vector, x: str, rate: float) -> tuple[str, str]:
    """The multiple k of 1/16 next to rate·x, and a float whose last bits are its number of sixteenths."""
    magic = v.constant(form(v).magic / STEPS)
    shifted = v.fma(x, v.constant(rate), magic)
    return v.subtract(shifted, magic), shifted


def _table(v: Vector, name: str, places: str) -> str:
    return lookup(v, TABLES[name][v.bits_of_element == 32], places)


# ---- logarithms ----------------------------------------------------------------------------------------


def log(v: Vector, x: str) -> str:
    """The natural logarithm."""
    m, e, inverse, places = _parts(v, x)
    return _joined(v, e, places, v.fma(m, inverse, v.constant(-1)))


def log1p(v: Vector, x: str) -> str:
    """log(1 + x), the rest r of x itself, since 1 + x was rounded."""
    m, e, inverse, places = _parts(v, v.add(v.constant(1), x))
    down = v.negative(at_least(v, e, v.constant(-2.0 * form(v).digits)))  # −e; e is −∞ at x = −1
    scale = times_two_to(v, inverse, down)
    near = v.fma(scale, x, v.subtract(scale, v.constant(1)))
    few = v.compare("olt", x, v.constant(2.0 ** (form(v).digits + 2)))
    r = v.select(few, near, v.fma(m, inverse, v.constant(-1)))
    return signed(v, _joined(v, e, places, r), x)


def _parts(v: Vector, x: str) -> tuple[str, str, str, str]:
    """The m and e with x = m·2^e, an inverse of c next to m, and a float whose last bits tell which."""
    m = significand(v, x)
    e = v.subtract(exponent(v, x), exponent(v, m))
    places = v.floats(v.integers("lshr", v.bits(m), v.integer(form(v).digits - 4)))
    return m, e, _table(v, "inverse", places), places


def _joined(v: Vector, e: str, places: str, r: str) -> str:
    """e·log 2 + log c + log(1 + r)."""
    high, low = form(v).ln2
    first = v.fma(e, v.constant(high), _table(v, "log", places))
    rest = v.fma(v.multiply(r, r), polynomial(v, "log_sixteenth", r), v.multiply(e, v.constant(low)))
    return v.add(first, v.add(r, rest))
