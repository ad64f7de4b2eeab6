"""Powers: x**r by what is known of the exponent and the base, each way an equation of its own."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from .ops import absolute, log, ones_like, positive, reciprocal, sqrt, where
from .rules import Op, composite, constant, equation, linear

_TWO = {"at": (0.7, 0.3)}
PRODUCTS = 256  # up to this exponent x^n is products: exact at 0, and n·u stays far below 1e-12


def _power(x: Any, r: Any) -> Any:
    """x**r by what is known of r: a number, a constant array, a series; or of x."""
    if hasattr(r, "node"):
        return _series_power(x, r)
    if isinstance(r, np.generic):
        return _power(_beside(x, r), r.item())
    whole = float(r).is_integer()
    if whole and abs(r) <= PRODUCTS:
        return _product(x, int(r))
    if r == 0.5:
        return sqrt(x)
    return (_rising_power if r > 1 else _root_power if r > 0 else _falling_power)(x, float(r))


_beside = linear("beside", "x, in the dtype that it has beside r.", lambda m, x, r: x, at=_TWO["at"], public=False)


def _product(x: Any, n: int) -> Any:
    """Powers by repeated squaring; the reciprocal comes first, since x^n overflows where x^-n need not."""
    if n < 0:
        return _product(reciprocal(x), -n)
    if n < 2:
        return positive(x) if n else ones_like(x)
    half = _product(x, n // 2)
    return half * half * x if n % 2 else half * half


def _series_power(x: Any, r: Any) -> Any:
    if r.node.constant:
        return _constant_power(x, r)
    base_is_constant = not hasattr(x, "node") or x.node.constant
    if base_is_constant:
        return _exponential(x, r)
    return where(absolute(x) < 1, _lower_power(x, r, STEPS), _general_power(x, r))


power = composite("power", "x**r: exact at 0 for whole r.", _power, at=(0.7, 2.5), static=frozenset((1,)))


def _ends(r: float) -> bool:
    """Whether the chain ends after x^r, in a root that is no square root."""
    return r < 2 and r != 1.5


def _held(x: Any) -> Any:
    return where(absolute(x) < 1, Fraction(1, 64), 1)


_NUMBER = {"value": lambda x, r: _numeric_power(x, r), "bind": lambda x, r: ((x,), (r,)), "public": False}
# The chain x^r, x^(r-1), … : where x^r underflows, x^(r-1) need not, and r·y/x would be 0 (x = 2^-60 in float32, r = 2.5).
_rising_power = equation(
    "rising_power",
    "x**r, r > 1.",
    per=lambda x, y, r: _held(x) if _ends(r) else 1,
    rate=lambda x, y, r: r * (_held_root(x, r - 1) if _ends(r) else power(x, r - 1)),
    **_NUMBER,
)
# Below 1, r·j − (k − j) is one number before it multiplies (`Series._products`).
_root_power = equation(
    "root_power", "x**r, 0 < r < 1.", per=lambda x, y, r: x, rate=lambda x, y, r: r * y, direct=True, **_NUMBER
)
# The root at the end of a chain, held down: its derivatives have the factor r, which may be tiny, only in the end.
_held_root: Op = equation(
    "held_root",
    "x**r over 64 where x is small, 0 < r < 1.",
    per=lambda x, y, r: x,
    rate=lambda x, y, r: r * y,
    direct=True,
    **_NUMBER | {"value": lambda x, r: _held(x) * _numeric_power(x, r)},
)
_falling_power = equation("falling_power", "x**r, r < 0.", per=lambda x, y, r: x, rate=lambda x, y, r: r * y, **_NUMBER)
_numeric_power: Op = constant(
    "numeric_power", "The value of x**r.", lambda m, x, r: m.call("power", x, r), at=_TWO["at"], public=False
)
# Where the exponent is known at run time only, the chain ends where it reaches 0: whole powers stay exact at 0.
_constant_power: Op = equation(
    "constant_power",
    "x**r for an array r without derivatives.",
    value=lambda x, r: _numeric_power(x, r),
    rate=lambda x, r, y: (where(r == 0, 0, r * _constant_power(x, r - 1)), None),
    public=False,
    **_TWO,
)
_exponential = equation(
    "exponential",
    "a**x for a number a.",
    value=lambda a, x: _numeric_power(a, x),
    rate=lambda a, x, y: (None, y * where(y == 0, 0, log(a))),  # 0**x has derivatives 0, log 0 or not
    public=False,
    **_TWO,
)
_general_power = equation(
    "general_power",
    "a**b for two series.",
    value=lambda a, b: _numeric_power(a, b),
    per=lambda a, b, y: a,
    rate=lambda a, b, y: (b * y, y * _x_log_x(a)),
    public=False,
    **_TWO,
)
# The chain again, a few steps of it, for a base that is small.
_chained_power: Op = equation(
    "chained_power",
    "a**b for two series, by way of a**(b - 1).",
    value=lambda a, b, steps: _numeric_power(a, b),
    rate=lambda a, b, y, steps: (b * _lower_power(a, b - 1, steps - 1), y * log(a)),
    bind=lambda a, b, steps: ((a, b), (steps,)),
    public=False,
    **_TWO,
)
STEPS = 3


def _lower_power(a: Any, b: Any, steps: int) -> Any:
    return _chained_power(a, b, steps) if steps else _general_power(a, b)


# a·log a as a product has log's fourth coefficient, a^-4/4, in its own: that overflows where the product's a^-3 does not.
_x_log_x: Op = equation(
    "x_log_x",
    "x·log x.",
    value=lambda x: x * log(x),
    rate=lambda x, y: 1 + log(x),
    public=False,
)
