"""How many units in the last place is the computed value of an elementary function from the exact one?

The exact values are mpmath's, or, for random arguments, those of C's long double functions, which carry 11 bits more than
float64. Nothing of the package is imported here.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from mpmath import mp, mpf

PRECISION = 200  # bits that mpmath computes with
FAR = 4000  # beyond it exp and its relatives have overflowed, vanished or reached their limit, whatever the argument
LONG = np.dtype(np.longdouble)
CIRCULAR = ("sin", "cos", "tan")


class Row(NamedTuple):
    """An elementary function: its exact value, where it is probed, and NumPy's function of another name, if there is one.

    ``whole`` maps random numbers of every size into the domain; ``ranges`` are the ordinary ones, for both dtypes; ``near``
    are the points, in its domain, that arguments crowd round. Functions that NumPy lacks are those of ``double``, or of
    ``long``, on long doubles.
    """

    exact: object
    whole: object
    ranges: tuple
    near: tuple = ()
    double: object = None
    long: object = None


def _far(function):
    return lambda x: function(max(mpf(-FAR), min(mpf(FAR), x)))


def _power(x, y):
    """x**y, NaN where it is not real."""
    if x < 0 and y != int(y):
        return mp.nan
    size = mp.exp(max(mpf(-FAR), min(mpf(FAR), y * mp.log(abs(x)))))
    return -size if x < 0 and int(y) % 2 else size


def _sech2(x):
    return 1 / np.cosh(x) ** 2


def _inside(x):
    """Numbers of every size up to 1."""
    return np.where(np.abs(x) > 1, 1 / x, x)


def _above(x):
    """Numbers of every size from 1."""
    x = np.abs(x)
    return np.minimum(np.where(x < 1, 1 / x, x), np.finfo(x.dtype).max)


def _above_minus_one(x):
    return np.where(x < -1, -1 / x, x)


def _anywhere(x):
    return x


SIDES = {_inside: -1, _above_minus_one: -1, _above: 1}  # of a point at the end of the domain, where the domain is
QUARTERS = tuple(k * math.pi / 2 for k in (-3, -2, -1, 1, 2, 3, 4, 5, 101, 1e4, 1e6))
ANGLES = ((-1.0, 1.0), (-10.0, 10.0), (-1e3, 1e3), (-1e6, 1e6))
EXPONENTS = ((-1.0, 1.0), (-10.0, 10.0), (-104.0, 90.0), (-750.0, 712.0))
POSITIVE = ((0.0, 1.0), (0.5, 2.0), (0.0, 100.0))
SYMMETRIC = ((-1.0, 1.0), (-5.0, 5.0), (-100.0, 100.0))
ONES = (1.0, -1.0)
PLANE = ((-1.0, 1.0), (-100.0, 100.0))

ONE = {
    "exp": Row(_far(mp.exp), _anywhere, EXPONENTS),
    "exp2": Row(_far(lambda x: mpf(2) ** x), _anywhere, (*EXPONENTS, (-1076.0, 1025.0))),
    "expm1": Row(_far(mp.expm1), _anywhere, EXPONENTS),
    "log": Row(mp.log, np.abs, POSITIVE, (1.0,)),
    "log2": Row(lambda x: mp.log(x) / mp.ln2, np.abs, POSITIVE, (1.0,)),
    "log10": Row(lambda x: mp.log(x) / mp.ln10, np.abs, POSITIVE, (1.0,)),
    "log1p": Row(mp.log1p, _above_minus_one, ((-1.0, 1.0), (0.0, 100.0)), (-1.0,)),
    "sin": Row(mp.sin, _anywhere, ANGLES, QUARTERS),
    "cos": Row(mp.cos, _anywhere, ANGLES, QUARTERS),
    "tan": Row(mp.tan, _anywhere, ANGLES, QUARTERS),
    "sinh": Row(_far(mp.sinh), _anywhere, (*SYMMETRIC, (-712.0, 712.0))),
    "cosh": Row(_far(mp.cosh), _anywhere, (*SYMMETRIC, (-712.0, 712.0))),
    "tanh": Row(_far(mp.tanh), _anywhere, ((-1.0, 1.0), (-25.0, 25.0))),
    "sech2": Row(_far(lambda x: mp.sech(x) ** 2), _anywhere, ((-1.0, 1.0), (-25.0, 25.0), (-375.0, 375.0)), long=_sech2),
    "arcsin": Row(mp.asin, _inside, ((-1.0, 1.0),), (*ONES, 0.5)),
    "arccos": Row(mp.acos, _inside, ((-1.0, 1.0),), (*ONES, 0.5)),
    "arctan": Row(mp.atan, _anywhere, SYMMETRIC, ONES),
    "arcsinh": Row(mp.asinh, _anywhere, SYMMETRIC),
    "arccosh": Row(mp.acosh, _above, ((1.0, 2.0), (1.0, 100.0)), (1.0,)),
    "arctanh": Row(mp.atanh, _inside, ((-1.0, 1.0),), ONES),
    "cbrt": Row(lambda x: mp.sign(x) * mp.cbrt(abs(x)), _anywhere, SYMMETRIC, ONES),
    "erf": Row(_far(mp.erf), _anywhere, ((-1.0, 1.0), (-6.0, 6.0)), double=math.erf),
    "erfc": Row(lambda x: mp.erfc(min(x, mpf(100))), _anywhere, ((-1.0, 1.0), (-6.0, 28.0)), double=math.erfc),
}
TWO = {
    "power": Row(_power, _anywhere, ((0.0, 2.0), (0.0, 100.0)), (1.0,)),
    "arctan2": Row(mp.atan2, _anywhere, PLANE),
    "hypot": Row(mp.hypot, _anywhere, PLANE),
}
ROWS = {**ONE, **TWO}

# Where results overflow, become subnormal, vanish or reach a limit, in float64 and in float32.
THRESHOLDS = {
    "exp": (709.782712893384, -708.3964185322641, -745.1332191019411, 88.72283905206835, -87.3365447505531, -103.97208),
    "exp2": (1024.0, -1022.0, -1074.0, -1075.0, 128.0, -126.0, -149.0, -150.0),
    "expm1": (-36.7368005696771, -37.42994775, -16.63553233, -17.32867951),
    "sinh": (710.4758600739439, 89.41598629223294),
    "tanh": (19.06154746539849, 22.1807097779, 9.010913347279289),
    "sech2": (354.891356446692, 373.0, 44.36141955583650, 51.9860),
    "erf": (5.921587195794, 3.9192059),
    "erfc": (26.54325845425098, 27.22601711110837, 9.194548845, 10.0546769),
}
# Where libmvec's 4-, 8- and 16-lane erf, log and tan are at their worst, of all float32 arguments: up to 3.99999 ulp.
FARTHEST = tuple(map(float.fromhex, ("0x1.d3a014p+1", "0x1.c3fd74p-1", "0x1.c3dff4p-1", "0x1.d8ec76p+12", "0x1.5149dp+0")))
CHOSEN = (0.1, 0.3, 1 / 3, 0.7, 1.3, 3.0, 7.0, 10.0, 100.0, 1e3, 1e5, 1e8, 1e10, 1e15, 1e16, 1e22, 1e30, 1e38, 1e100, 1e300)


@cache
def hard(name, dtype):
    """Arguments at which formulas break: a tuple of arrays, one for each argument; all pairs for functions of two."""
    single, dtype = name in ONE, np.dtype(dtype)
    points = _specials(dtype)
    points += [_neighbours(c, dtype) for c in (_crowded(dtype) if single else (0.5, 1.0, 2.0, 3.0, 0.3, 1e3))]
    points += [_resonant(dtype)] if name in CIRCULAR else []
    with np.errstate(over="ignore"):
        column = np.concatenate([np.asarray(p, dtype=dtype).ravel() for p in points])
    column = np.concatenate([column, -column])
    column = np.concatenate([np.unique(column[column != 0]), np.array([0.0, -0.0], dtype)])
    return (column,) if single else tuple(np.ascontiguousarray(m.ravel()) for m in np.meshgrid(column, column))


def _specials(dtype):
    info = np.finfo(dtype)
    with np.errstate(over="ignore"):
        halves = np.sqrt(np.array([info.max, info.smallest_normal, info.smallest_subnormal], np.longdouble)).astype(dtype)
    tiny, least = info.smallest_normal, info.smallest_subnormal
    ends = [np.inf, np.nan, info.max, info.max / 2, info.max / 3, tiny, tiny * 2, tiny - least, least, 2 * least, 3 * least]
    return [*ends, tiny / 2, tiny / 3, tiny * (1 + info.eps), *halves, info.eps, info.eps / 2, 1 / info.eps, 4 / info.eps]


def _crowded(dtype):
    numbers = [*CHOSEN, *FARTHEST, *sum(THRESHOLDS.values(), ()), *(abs(q) for q in QUARTERS), math.pi / 4, math.sqrt(0.5)]
    powers = [2.0**k for k in (*range(-60, 70, 3), *range(80, 128, 5), *range(130, 1024, 70), -200, -500, -1000)]
    near = [1 + s * 2.0**-k for k in range(1, 53) for s in (1, -1)]
    return [c for c in (*numbers, *powers, *near) if abs(c) <= float(np.finfo(dtype).max)]


def _neighbours(centre, dtype):
    c = dtype.type(centre)
    return [c, np.nextafter(c, dtype.type(np.inf)), np.nextafter(c, dtype.type(-np.inf))]


def _resonant(dtype, step=7):
    """For exponents all over the range, the numbers closest to a multiple of π/2: denominators of convergents of 2^e·2/π."""
    digits, found = np.finfo(dtype).nmant + 1, []
    with mp.workprec(2500):
        for exponent in range(-digits, np.finfo(dtype).maxexp - digits + 1, step):
            rest, before, last = mp.ldexp(2 / mp.pi, exponent), 1, 0
            while True:
                quotient = int(mp.floor(rest))
                before, last = last, quotient * last + before
                if last >= 2**digits:
                    break
                rest = 1 / (rest - quotient)
            found += [math.ldexp(before, exponent), math.ldexp(before * ((2**digits - 1) // before), exponent)]
    return found


def random(name, dtype, count, seed=1):
    """Random arguments: half of them uniform in the exponent over the whole domain, half in ordinary ranges."""
    rng, row, dtype = np.random.default_rng(seed), ROWS[name], np.dtype(dtype)
    half = count // 2
    with np.errstate(all="ignore"):
        if name in ONE:
            return (np.concatenate([row.whole(_every_size(rng, half, dtype)), _ordinary(rng, row, count - half, dtype)]),)
        wide = [_every_size(rng, half, dtype) for _ in range(2)]
        wide[1] = _partner(name, rng, *wide)
        plain = [_ordinary(rng, row, count - half, dtype), _ordinary(rng, row._replace(ranges=PLANE), count - half, dtype)]
        return tuple(np.concatenate(pair) for pair in zip(wide, plain, strict=True))


def _every_size(rng, count, dtype):
    """Random signs, exponents and digits; subnormal numbers too."""
    whole = np.dtype(f"i{dtype.itemsize}")
    info = np.iinfo(whole)
    found = rng.integers(info.min, info.max, count, dtype=whole, endpoint=True).view(dtype)
    return np.where(np.isfinite(found), found, dtype.type(1.5))


def _ordinary(rng, row, count, dtype):
    """An equal share of each range, and a share at distances of every size from the points that arguments crowd round."""
    parts = [rng.uniform(*ends, -(-count // len(row.ranges))) for ends in row.ranges]
    if row.near:
        which = rng.choice(row.near, count // 4)
        side = SIDES.get(row.whole, rng.choice([-1, 1], count // 4))
        parts.insert(0, which * (1 + side * np.exp2(rng.uniform(-np.finfo(dtype).nmant - 2, -1, count // 4))))
    return rng.permutation(np.concatenate(parts))[:count].astype(dtype)


def _partner(name, rng, x, y):
    """Second arguments with which the result depends on both: in three of four cases, not of independent size."""
    few = rng.random(x.size)
    if name != "power":
        return np.where(few < 0.75, (x * np.exp2(rng.uniform(-30, 30, x.size))).astype(x.dtype), y)
    info = np.finfo(x.dtype)
    result = rng.uniform(info.minexp - info.nmant - 2, info.maxexp + 1, x.size)  # log2 |x**y|
    close = (result / np.log2(np.abs(x.astype(float)))).astype(x.dtype)
    return np.where(few < 0.5, close, np.where(few < 0.75, np.rint(close), y))


# ---- exact values --------------------------------------------------------------------------------


def long_values(name, *arguments):
    """C's value in long double; in float64 for erf and erfc."""
    row = ROWS[name]
    with np.errstate(all="ignore"):
        if row.double:
            return np.frompyfunc(row.double, 1, 1)(arguments[0].astype(float)).astype(LONG)
        return (row.long or getattr(np, name))(*(a.astype(LONG) for a in arguments))


def exact_values(name, *arguments):
    """mpmath's value, rounded to long double; C's at and where it is zero or infinite, for the sign of zero.

    Where long double is float64, as on Windows, the rounding blurs distances in float64 by up to half a unit.
    """
    out = long_values(name, *arguments)
    lists = [a.tolist() for a in arguments]
    with mp.workprec(PRECISION):
        for i, point in enumerate(zip(*lists, strict=True)):
            if all(v != 0 and math.isfinite(v) for v in point):
                found = ROWS[name].exact(*map(mpf, point))
                real = not isinstance(found, mp.mpc) and not mp.isnan(found)
                out[i] = np.nan if not real else _long(found) if found and mp.isfinite(found) else out[i]
    return out


def _long(number):
    mantissa, exponent = mp.frexp(number)
    high = float(mantissa)
    with np.errstate(all="ignore"):
        return np.ldexp(LONG.type(high) + LONG.type(float(mantissa - high)), max(-20000, min(20000, int(exponent))))


def good_values(name, *arguments):
    """Values so much more exact than the arguments' dtype that they tell its last place: fast ones where those are enough."""
    enough = LONG if ROWS[name].double is None else np.dtype(float)
    far_better = np.finfo(enough).nmant >= np.finfo(arguments[0].dtype).nmant + 10
    return (long_values if far_better else exact_values)(name, *arguments)


# ---- distance ------------------------------------------------------------------------------------


def errors(got, exact):
    """|got − exact| in units in the last place of the exact value; inf where a NaN, an infinity or a sign is wrong.

    An infinity counts as the number that would follow the largest one, so that overflow is allowed as far from its threshold
    as any other error; at a pole, and where the exact value is beyond long double, nothing else is right.
    """
    info = np.finfo(got.dtype)
    with np.errstate(all="ignore"):
        exponent = np.clip(np.frexp(exact)[1], info.minexp + 1, info.maxexp) - 1 - info.nmant
        got_units, exact_units = np.ldexp(got.astype(LONG), -exponent), np.ldexp(exact, -exponent)
        top = np.ldexp(LONG.type(1), info.maxexp - exponent)
        distance = np.where(np.isinf(got), top - np.abs(exact_units), np.abs(got_units - exact_units))
        wrong = (np.isnan(got) != np.isnan(exact)) | (np.signbit(got) != np.signbit(exact)) & ~np.isnan(exact)
        return np.where(wrong, np.inf, np.where(np.isnan(exact), 0, distance)).astype(float)


def worst(got, exact, arguments):
    """The largest error, and a line that says where it is."""
    found = errors(got, exact)
    at = int(np.argmax(found))
    point = ", ".join(repr(a[at].item()) for a in arguments)
    return found[at], f"{found[at]:.3g} ulp at ({point}): got {got[at].item()!r}, exact {float(exact[at])!r}"
