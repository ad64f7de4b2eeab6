"""At which arguments is each operation tested: the ordinary ones, and those where formulas break?

A row has points for both dtypes (rounded to the nearest single for float32) and points for one of them: float32 has its
own ends of range, and 1 - 2**-30 is 1 there.
"""

from typing import NamedTuple

import numpy as np


class Points(NamedTuple):
    """Arguments for both dtypes, for float64 only, and for float32 only."""

    both: tuple
    double: tuple = ()
    single: tuple = ()


def arguments(row, dtype):
    """The points of a row as exact numbers of ``dtype``, as Python floats (or tuples of them), without repetition."""
    chosen = row.both + (row.double if np.dtype(dtype) == np.float64 else row.single)
    return tuple(dict.fromkeys(_rounded(p, dtype) for p in chosen))


def inner(points, dtype):
    """Those where a dense series of the size of the point is made of normal numbers, and 16 times it is finite."""
    smallest, largest = float(np.finfo(dtype).smallest_normal), float(np.finfo(dtype).max) / 16
    return tuple(p for p in points if all(v == 0 or smallest <= abs(v) <= largest for v in np.atleast_1d(p)))


def _rounded(point, dtype):
    if isinstance(point, tuple):
        return tuple(_rounded(p, dtype) for p in point)
    return float(np.dtype(dtype).type(point))


PI, ULP, HALF_ULP = float(np.pi), 2.0**-52, 2.0**-53
ULP32, HALF_ULP32 = 2.0**-23, 2.0**-24
PI32 = float(np.float32(np.pi))
TINY = (1e-300, -1e-300, 3e-310)  # the last is subnormal
TINY32 = (1e-37, -1e-37, 3e-40)
HUGE, HUGE32 = (1e150, 1e160, -1e160, 1e300), (1e18, 1e20, -1e20, 1e37)

# Just inside ±1, where the inverse functions branch.
INSIDE = tuple(s * (1 - g) for s in (1, -1) for g in (2.0**-30, 2.0**-40, HALF_ULP))
INSIDE32 = tuple(s * (1 - g) for s in (1, -1) for g in (2.0**-12, 2.0**-20, HALF_ULP32))
TRIGONOMETRIC = Points(
    (0.0, 0.7, -1.3, 2.9, 11.0, 100.0, 1e-10, 1e8, -1e8),
    (PI, -PI, PI / 2, 3 * PI / 2, 10 * PI, 1e22, *TINY),
    (PI32, -PI32, PI32 / 2, 1e10, *TINY32),
)
LOGARITHM = Points(
    (0.7, 2.0, 1.0, 10.0, 1e3, 2.0**-60),
    (1 + 2.0**-40, 1 - 2.0**-30, 1 - HALF_ULP, 1 + ULP, 1e-300, 5e-324, 1e300),
    (1 + 2.0**-20, 1 - HALF_ULP32, 1 + ULP32, 1e-37, 1e-45, 1e38),
)
BELL = Points(
    (0.0, 0.7, -0.7, -1.3, 2.1, 3.0, -4.0, 5.5, 1e-10),
    (8.0, 10.0, -10.0, 26.0, 27.0, -27.0, 40.0, *TINY),
    (8.0, 9.3, 10.0, -10.0, *TINY32),
)
SATURATING = Points(
    (0.0, 0.7, -1.3, 5.0, 20.0, -20.0, 40.0, -40.0, 1e-10),
    (-300.0, 300.0, 700.0, -700.0, -744.0, *TINY),
    (80.0, -80.0, 87.0, -87.0, -103.0, *TINY32),
)

UNARY = {
    "negative": Points((0.7, -1.3, 0.0), (1e300,), (1e38,)),
    "positive": Points((0.7, -1.3, 0.0), (1e300,), (1e38,)),
    "absolute": Points((0.7, -1.3), (1e300, -1e-300), (1e38, -1e-38)),
    "square": Points((0.7, -1.3, 0.0, 2.0**-60), (1e154, 1.4e154, -1e-170), (1e19, 1.9e19, -1e-21)),
    "reciprocal": Points((0.7, -1.3, 3.0, 2.0**-60), (1e300, -1e300, 1e-300, -2e-308), (1e38, -1e38, 1e-37, -2e-38)),
    "sqrt": Points((0.7, 2.0, 1e8, 2.0**-60), (1e300, 1.7e308, 1e-300, 5e-324), (1e38, 3.3e38, 1e-37, 1e-45)),
    "cbrt": Points((0.7, -2.0, 1e8, 2.0**-60, -(2.0**-60)), (1e300, -1.7e308, 1e-300, 5e-324), (1e38, -3.3e38, 1e-37, 1e-45)),
    "exp": Points(
        (0.0, 0.7, -1.3, 10.0, -40.0, 40.0, 1e-10), (709.7, 710.0, -708.0, -740.0, 1e-300), (88.7, 89.0, -87.0, -102.0, 1e-37)
    ),
    "exp2": Points(
        (0.0, 0.7, -1.3, 10.0, -40.0, 40.5, 1e-10), (1023.9, 1024.0, -1021.5, -1060.0), (127.9, 128.0, -125.5, -140.0)
    ),
    "expm1": Points(
        (0.0, 0.7, -0.5, -1.3, 10.0, -40.0, 40.0, 1e-10, -1e-10),
        (709.7, 710.0, -700.0, -740.0, *TINY),
        (88.7, 89.0, -80.0, -102.0, *TINY32),
    ),
    "log": LOGARITHM,
    "log2": LOGARITHM,
    "log10": LOGARITHM,
    "log1p": Points(
        (0.0, 0.7, -0.5, 10.0, 1e-10, -1e-10),
        (-1 + 2.0**-40, -1 + HALF_ULP, 1e300, *TINY),
        (-1 + 2.0**-20, -1 + HALF_ULP32, 1e38, *TINY32),
    ),
    "sin": TRIGONOMETRIC,
    "cos": TRIGONOMETRIC,
    "tan": TRIGONOMETRIC._replace(
        double=(*TRIGONOMETRIC.double, 1.5707963, -1.5707964, PI / 2 - 2.0**-40),
        single=(*TRIGONOMETRIC.single, 1.5707, -1.5709),
    ),
    "arcsin": Points((0.0, 0.5, -0.7, 0.99, 1e-10), (*INSIDE, *TINY), (*INSIDE32, *TINY32)),
    "arccos": Points((0.0, 0.5, -0.7, 0.99, 1e-10), (*INSIDE, *TINY), (*INSIDE32, *TINY32)),
    "arctan": Points((0.0, 0.7, -1.3, 1.0, 10.0, 1e-10, 1e8, -1e8), (*HUGE, *TINY), (*HUGE32, *TINY32)),
    "sinh": Points((0.0, 0.7, -1.3, 10.0, -20.0, 1e-10, -1e-10), (709.0, -710.4, 711.0, *TINY), (88.0, -89.3, 90.0, *TINY32)),
    "cosh": Points((0.0, 0.7, -1.3, 10.0, -20.0, 1e-10, -1e-10), (709.0, -710.4, 711.0, *TINY), (88.0, -89.3, 90.0, *TINY32)),
    "tanh": SATURATING,
    "arcsinh": Points((0.0, 0.7, -1.3, 10.0, 1e-10, 1e8, -1e10), (*HUGE, *TINY), (*HUGE32, *TINY32)),
    "arccosh": Points(
        (1.5, 2.0, 10.0, 1e8),
        (1 + ULP, 1 + 2.0**-40, 1 + 2.0**-30, 1e150, 1e160, 1e300),
        (1 + ULP32, 1 + 2.0**-20, 1e18, 1e20, 1e37),
    ),
    "arctanh": Points((0.0, 0.5, -0.7, 0.99, 1e-10), (*INSIDE, *TINY), (*INSIDE32, *TINY32)),
    "erf": BELL,
    "erfc": BELL,
    "expit": SATURATING,
    "log_expit": SATURATING,
    "gammaln": Points(
        (0.5, 1.0, 1.5, 2.0, 3.7, 10.0, 100.0, 1e10, 1e-10, -0.5, -1.5, -3.7, -10.3),
        (1 + 2.0**-30, 1 - HALF_ULP, 2 + ULP, 2 - 2.0**-40, 2.0**-60, 1e-300, 1e100, 1e300, -100.3, -1e-10),
        (1 + 2.0**-20, 1 - HALF_ULP32, 2 + 2 * ULP32, 2 - 2.0**-20, 2.0**-60, 1e-37, 1e30, -1e-5),
    ),
    "digamma": Points(
        (0.3, 0.5, 1.0, 1.5, 2.0, 3.7, 10.0, 100.0, 1e10, 1e-10, -0.4, -1.3, -3.7, -10.3),
        (1.4616321449683623, 1.4616321449683625, 1.4616, 1.4616321, 2.0**-60, 1e-300, 1e100, 1e300, -100.3, -1e-10),
        (1.4616321, 1.46163, 1.47, 2.0**-60, 1e-37, 1e30, -1e-5),
    ),
}

# Constant exponents; each is exactly a float32 where it is used in float32, since NumPy rounds it to the array's dtype.
EXPONENTS = (2, 3, 7, 100, -1, -3, 0.5, 1.5, 2.5, -0.5, -2.5, 1 / 3, 2.000001, 2.0, 0, 1)
EXPONENTS32 = (2, 3, 7, 100, -1, -3, 0.5, 1.5, 2.5, -0.5, -2.5, float(np.float32(1 / 3)), 2 + 2.0**-20, 2.0, 0, 1)
POWER = {
    "whole": Points((0.7, -1.3, 2.0, 0.9, -0.8), (1 + 2.0**-40, 1e3, -1e-3, 1e20), (1 + 2.0**-20, 1e2, -1e-2)),
    "real": Points((0.7, 1.3, 2.0, 1e-5, 2.0**-60), (1e100, 1e-100, 1e-200, 5e-324), (1e12, 1e-12, 1e-30, 1e-40, 1e-45)),
    "zero": Points((0.0,)),
}
BASES = (2.0, 0.7, 10.0, 1e-3, 1.0)  # of a number to the power of a series
EXPONENT_POINTS = Points((0.0, 0.7, -1.3, 3.0), (100.0, -100.5), (10.0, -10.5))

BINARY = {
    "hypot": Points(
        ((3.0, 4.0), (-0.7, 1.3), (1e6, 1.0), (1.0, 1e-10), (1.0, -1.0), (0.0, 2.0), (-2.0, 0.0), (2.0**-60, 1.0)),
        ((1e200, 1.0), (1e160, -1e160), (1e308, 1e308), (1e-200, 1e-200), (1e-170, 2e-170), (1e-310, 2e-310)),
        ((1e20, 1.0), (1e25, -1e25), (2e38, 2e38), (1e-25, 1e-25), (1e-40, 2e-40)),
    ),
    "arctan2": Points(
        (
            (3.0, 4.0),
            (-0.7, 1.3),
            (0.7, -1.3),
            (-1.0, -2.0),
            (1e6, 1.0),
            (1.0, 1e-10),
            (1.0, -1.0),
            (0.0, 2.0),
            (0.0, -1.0),
            (2.0, 0.0),
        ),
        ((1e200, 1.0), (1.0, 1e200), (1e160, -1e160), (1e-200, 1e-200), (1e-170, -2e-170)),
        ((1e20, 1.0), (1.0, 1e20), (1e25, -1e25), (1e-25, 1e-25)),
    ),
    "logaddexp": Points(
        ((0.0, 0.0), (0.7, -1.3), (1.0, 2.0), (40.0, 0.0), (0.0, -40.0), (-20.0, 30.0), (1e3, 1e3 + 1), (-1e3, -1e3 - 0.5)),
        ((1000.0, -1000.0), (0.0, -700.0), (1e10, 0.0)),
        ((80.0, 0.0), (0.0, -80.0)),
    ),
    "power": Points(
        ((0.7, 1.3), (2.0, 3.0), (0.5, -2.5), (1.5, 0.0), (1.0, 2.0), (10.0, 20.0), (1e-5, 2.5)),
        ((1e100, 0.5), (1e-100, 1.5), (1 + 2.0**-40, 1e5), (100.0, 100.0)),
        ((1e12, 0.5), (1e-12, 1.5), (1 + 2.0**-20, 1e2), (100.0, 10.0)),
    ),
    "add": Points(((0.7, -1.3), (0.0, 2.0)), ((1e308, 1e308),), ((3e38, 3e38),)),
    "subtract": Points(((0.7, -1.3), (0.7, 0.7)), ((1e308, -1e308),), ((3e38, -3e38),)),
    "multiply": Points(((0.7, -1.3), (0.0, 2.0)), ((1e200, 1e-200), (1e200, -1e200)), ((1e20, 1e-20), (1e20, -1e20))),
    "divide": Points(
        ((0.7, -1.3), (0.0, 2.0), (1.0, 3.0), (2.0**-60, 2.0**-60)),
        ((1e200, 1e-100), (1e-300, 1e-300), (1e300, 1e300)),
        ((1e20, 1e-10), (1e-37, 1e-37)),
    ),
}
