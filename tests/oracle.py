"""What are the exact Taylor coefficients of each elementary function at a point?

Cauchy's integral over a small circle, evaluated with mpmath.  No recurrence, no derivative and no code is shared with
the package, which is not imported here: a row is an analytic function and the distance to its nearest singularity.
Everything returned is an mpf whose relative error is below 2**-150.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from mpmath import mp, mpf

GUARD = 160  # bits that must survive the cancellation, in every coefficient
CEILING = 6000  # bits; a coefficient still lost in the noise there is an exact zero, as arctan's fourth at 1
SHRINK = 8  # the circle is 2**-SHRINK of the way to the nearest singularity


class Row(NamedTuple):
    """A function of one argument: its value, an analytic branch near x0 (up to a constant), and its scale there."""

    value: Callable
    branch: Callable
    radius: Callable


# --- radii: how far is the nearest singularity (or, for entire functions, the length on which they vary)? ---


def _to(*points):
    return lambda x: min(abs(x - p) for p in points)


def _unit(x):
    return mpf(1)


def _gaussian(x):
    return 1 / (1 + abs(x))


def _to_i(x):
    return mp.hypot(x, 1)


def _tan_radius(x):
    pole = (mp.floor(x / mp.pi) + mpf(1) / 2) * mp.pi
    return min(abs(x - pole), mpf(1))


def _gamma_radius(x):
    return x if x > 0 else abs(x - mp.nint(x)) or mpf(1)


# --- branches where the plain mpmath function would meet a cut, or where a constant would drown the derivatives ---


def _same(f):
    return lambda x: f


def _tanh_branch(x):
    return (lambda z: -2 / (mp.exp(2 * z) + 1)) if x > 0 else (lambda z: 2 / (mp.exp(-2 * z) + 1))


def _expit_branch(x):
    return (lambda z: -1 / (mp.exp(z) + 1)) if x > 0 else (lambda z: 1 / (mp.exp(-z) + 1))


def _log_expit_branch(x):
    return (lambda z: -mp.log1p(mp.exp(-z))) if x > 0 else (lambda z: z - mp.log1p(mp.exp(z)))


def _erf_branch(x):
    if abs(x) < 1:
        return mp.erf
    return (lambda z: -mp.erfc(z)) if x > 0 else (lambda z: mp.erfc(-z))


def _erfc_branch(x):
    branch = _erf_branch(x)
    return lambda z: -branch(z)


def _arctan_branch(x):
    """Far out, -arctan(1/z) from two logarithms near log 1: mpmath's own atan loses the digits of a tiny argument."""
    return mp.atan if abs(x) < 1 else (lambda z: (mp.log1p(-1j / z) - mp.log1p(1j / z)) / 2j)


def _arcsinh_branch(x):
    return mp.asinh if x >= 0 else (lambda z: -mp.asinh(-z))


def _gammaln_branch(x):
    """log|gamma|; left of zero by reflection, with the sign that keeps the sine's logarithm real at x."""
    if x > 0:
        return lambda z: mp.loggamma(1 + z) - mp.log(z)
    sign = mp.sign(mp.sinpi(x))
    return lambda z: -mp.log(sign * mp.sinpi(z)) - mp.loggamma(1 - z)


def _gammaln_value(x):
    return mp.re(mp.loggamma(x)) if x > 0 else mp.log(mp.pi / abs(mp.sinpi(x))) - mp.loggamma(1 - x)


def _digamma_branch(x):
    return mp.digamma if x > 0 else (lambda z: mp.digamma(1 - z) - mp.pi / mp.tan(mp.pi * z))


def _near_log(base):
    """log z up to a constant, cut pointing away from ``base``."""
    return lambda z: mp.log(z / base)


def _log_in(base):
    return lambda x: lambda z: mp.log(z / x) / mp.log(base)


UNARY = {
    "exp": Row(mp.exp, _same(mp.exp), _unit),
    "exp2": Row(lambda x: mpf(2) ** x, _same(lambda z: mp.exp(z * mp.log(2))), _unit),
    "expm1": Row(mp.expm1, _same(mp.exp), _unit),
    "log": Row(mp.log, _near_log, _to(0)),
    "log2": Row(lambda x: mp.log(x) / mp.log(2), _log_in(2), _to(0)),
    "log10": Row(lambda x: mp.log(x) / mp.log(10), _log_in(10), _to(0)),
    "log1p": Row(mp.log1p, lambda x: lambda z: mp.log((1 + z) / (1 + x)), _to(-1)),
    "sin": Row(mp.sin, _same(mp.sin), _unit),
    "cos": Row(mp.cos, _same(mp.cos), _unit),
    "tan": Row(mp.tan, _same(mp.tan), _tan_radius),
    "arcsin": Row(mp.asin, _same(mp.asin), _to(-1, 1)),
    "arccos": Row(mp.acos, _same(mp.acos), _to(-1, 1)),
    "arctan": Row(mp.atan, _arctan_branch, _to_i),
    "sinh": Row(mp.sinh, _same(mp.sinh), _unit),
    "cosh": Row(mp.cosh, _same(mp.cosh), _unit),
    "tanh": Row(mp.tanh, _tanh_branch, _unit),
    "arcsinh": Row(mp.asinh, _arcsinh_branch, _to_i),
    "arccosh": Row(mp.acosh, _same(mp.acosh), _to(-1, 1)),
    "arctanh": Row(mp.atanh, _same(mp.atanh), _to(-1, 1)),
    "erf": Row(mp.erf, _erf_branch, _gaussian),
    "erfc": Row(mp.erfc, _erfc_branch, _gaussian),
    "expit": Row(lambda x: 1 / (1 + mp.exp(-x)), _expit_branch, _unit),
    "log_expit": Row(lambda x: -mp.log1p(mp.exp(-x)), _log_expit_branch, _unit),
    "gammaln": Row(_gammaln_value, _gammaln_branch, _gamma_radius),
    "digamma": Row(mp.digamma, _digamma_branch, _gamma_radius),
}

# --- Cauchy's integral ---


def _circle(nodes):
    """The nodes in the upper half plane; the others are their mirror images, where a real function is conjugate."""
    return [mp.expjpi(mpf(2 * m + 1) / nodes) for m in range(nodes // 2)]


def _moments(samples, circle, nodes, degree):
    """c_k·rho^k for k = 0..degree, from samples on the upper half circle."""
    scaled = []
    turned = list(samples)
    for _ in range(degree + 1):
        scaled.append(2 * mp.fsum(mp.re(s) for s in turned) / nodes)
        turned = [s * mp.conj(w) for s, w in zip(turned, circle, strict=True)]
    return scaled


def _shortfall(scaled, top, precision, zeros):
    """How many bits are missing for every coefficient to keep GUARD of them; a zero allowed by ``zeros`` misses none."""
    missing = 0
    for s in scaled:
        size = mp.mag(s) if s else -mp.inf
        lost = mp.mag(top) - size
        if lost < precision - 30:
            missing = max(missing, lost + GUARD - precision)
        elif not zeros:
            missing = max(missing, 3 * precision)
    return int(missing)


def _contour(f, x0, rho, order, nodes):
    """Samples of f around x0 turned into scaled coefficients, and their largest size."""
    circle = _circle(nodes)
    samples = [f(x0 + rho * w) for w in circle]
    return _moments(samples, circle, nodes, order), max(abs(s) for s in samples)


def cauchy(branch, x0, radius, order, *, shrink=SHRINK, extra=10):
    """Coefficients 1..order of the analytic ``branch(x0)`` at x0, each with a relative error below 2**-150.

    The number of nodes is a multiple of 4: what aliases into a coefficient that vanishes by symmetry vanishes too.  At x0 = 0 a
    coefficient that stays below the rounding noise is an exact zero (an odd or even function), elsewhere at CEILING bits.
    """
    nodes = order + extra + -(order + extra) % 4
    precision = GUARD + 40 + (shrink + 6) * order
    while True:
        with mp.workprec(precision + _headroom(x0, radius)):
            x, rho = mpf(x0), radius(mpf(x0)) * mpf(2) ** -shrink
            scaled, top = _contour(branch(x), x, rho, order, nodes)
            missing = _shortfall(scaled[1:], top, precision, zeros=x == 0 or precision > CEILING)
            if missing == 0:
                floor = top * mpf(2) ** (30 - precision)
                return [s / rho**k if abs(s) > floor else mpf(0) for k, s in enumerate(scaled)][1:]
        precision += missing + 10


def _headroom(x0, radius):
    """Bits that x0 + rho·w needs beyond the working precision because rho is small next to x0, or next to 1 (a pole)."""
    with mp.workprec(3000):
        size = radius(mpf(x0))
        return SHRINK + max(0, mp.mag(x0) - mp.mag(size), 1 - mp.mag(size)) if x0 else SHRINK


def _exact_power(x, exponent, order):
    """The binomial series: C(r, k)·x^(r-k).  Integer exponents work at 0 and for negative x, and 0·0^negative is 0."""
    out, factor = [], mpf(1)
    for k in range(order + 1):
        out.append(factor * x ** (exponent - k) if factor else mpf(0))
        factor = factor * (exponent - k) / (k + 1)
    return out


@cache
def power(x0, exponent, order):
    """Coefficients 0..order of x**exponent at x0 for a constant exponent; an integer one also where x0 <= 0.

    >>> [int(c) for c in power(2.0, 3, 4)]
    [8, 12, 6, 1, 0]
    """
    with mp.workprec(3 * GUARD):
        whole = int(exponent) if mpf(exponent) == int(exponent) else mpf(exponent)
        return tuple(_exact_power(mpf(x0), whole, order))


@cache
def exponential(base, x0, order):
    """Coefficients 0..order of base**x at x0 for a constant positive base."""
    with mp.workprec(3 * GUARD):
        log, value = mp.log(base), mpf(base) ** mpf(x0)
        return tuple(value * log**k / mp.factorial(k) for k in range(order + 1))


def _linear(slope, x0, order):
    return (slope * mpf(x0), mpf(slope), *(mpf(0),) * order)[: order + 1]


def _cube_root(x0, order):
    """On the negative axis the real root is odd; c_k picks up (-1)^(k+1)."""
    with mp.workprec(3 * GUARD):
        third, sign = mpf(1) / 3, -1 if x0 < 0 else 1
        return tuple(sign ** (k + 1) * c for k, c in enumerate(_exact_power(abs(mpf(x0)), third, order)))


_CLOSED = {
    "cbrt": _cube_root,
    "negative": lambda x0, order: _linear(-1, x0, order),
    "positive": lambda x0, order: _linear(1, x0, order),
    "absolute": lambda x0, order: _linear(1 if x0 > 0 else -1 if x0 < 0 else 0, x0, order),
    "sqrt": lambda x0, order: power(x0, 0.5, order),
    "square": lambda x0, order: power(x0, 2, order),
    "reciprocal": lambda x0, order: power(x0, -1, order),
}
NAMES = (*UNARY, *_CLOSED)


@cache
def coefficients(name, x0, order):
    """Coefficients 0..order of the function ``name`` at the float x0, as mpf.

    >>> [float(c) for c in coefficients("exp", 0.0, 3)]
    [1.0, 1.0, 0.5, 0.16666666666666666]
    """
    if name in _CLOSED:
        return _CLOSED[name](x0, order)
    row = UNARY[name]
    with mp.workprec(3 * GUARD + _headroom(x0, row.radius)):
        value = mp.re(row.value(mpf(x0)))
    return (value, *cauchy(row.branch, x0, row.radius, order))


def radius(name, x0):
    """The length on which ``name`` varies near x0: the distance to its nearest singularity, or about 1."""
    scale = UNARY[name].radius if name in UNARY else lambda x: abs(x) or mpf(1)
    with mp.workprec(200):
        return scale(mpf(x0))


def cauchy2(f, point, length, order, *, nodes=16):
    """The dict (j, k) -> coefficient of an analytic f(a, b) at a point, by the same integral over two circles.

    f is real on the real plane, so that one circle needs its upper half only.
    """
    with mp.workprec(GUARD + 40 + 2 * (SHRINK + 6) * order):
        rho = mpf(length) * mpf(2) ** -SHRINK
        a0, b0 = map(mpf, point)
        half = _circle(nodes)
        whole = half + [mp.conj(w) for w in half]
        rows = [[f(a0 + rho * w, b0 + rho * v) for v in whole] for w in half]
        out = {}
        for j in range(order + 1):
            turned = [[s / w**j for s in row] for w, row in zip(half, rows, strict=True)]
            summed = [mp.fsum(column) for column in zip(*turned, strict=True)]
            for k in range(order + 1 - j):
                total = mp.re(mp.fsum(s / v**k for s, v in zip(summed, whole, strict=True)))
                out[j, k] = 2 * total / nodes**2 / rho ** (j + k)
        return out
