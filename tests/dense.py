"""Which dense series are fed to an operation, and what comes out exactly?

Every monomial of the input is non-zero and as large as the function lets it be without leaving its disc of convergence,
so that all terms of the exact recurrence are of comparable size.
"""

import random
from functools import cache

import numpy as np
from accuracy import FORMATS
from mpmath import mpf
from oracle_series import (
    coefficients2,
    compose,
    compose2,
    exponents,
    magnitude,
)

NAMES = ("x", "y", "z")


@cache
def series(x0, scale, variables, order, dtype, seed=0):
    """Exponents to floats of ``dtype``: the constant term x0, the others of random sign and 0.2 to 0.6 times scale."""
    draw = random.Random(f"{x0} {variables} {order} {seed}")
    number = np.dtype(dtype).type
    size = lambda: float(scale) * draw.uniform(0.2, 0.6) * draw.choice((-1, 1))
    with np.errstate(all="ignore"):
        return {e: float(number(size() if any(e) else x0)) for e in exponents(variables, order)}


def planes(all_series, dtype):
    """The (K, n) array of n series."""
    return np.array([list(s.values()) for s in all_series], dtype).T


def _exactly(u):
    return {e: mpf(c) for e, c in u.items()}


def _listed(found, variables, order):
    return [found.get(e, mpf(0)) for e in exponents(variables, order)]


def _without_value(slack):
    return [mpf(0), *slack[1:]]


def _image(substitute, coeffs, args, variables, order, dtype):
    """The substitution, and u times the same with all terms counted positive; the value has no slack."""
    exact = substitute(coeffs, *args, variables, order)
    terms = substitute(_absolute(coeffs), *map(magnitude, args), variables, order)
    unit = FORMATS[dtype].unit
    slack = [unit * t for t in _listed(terms, variables, order)]
    return _listed(exact, variables, order), _without_value(slack)


def _absolute(coeffs):
    return magnitude(coeffs) if isinstance(coeffs, dict) else [abs(c) for c in coeffs]


def image(coeffs, u, variables, order, dtype):
    """f(u) and its slack, for the coefficients of f."""
    return _image(compose, coeffs[: order + 1], [_exactly(u)], variables, order, dtype)


def slack2(coeffs, a, b, order, factor):
    """What the roundings of a, b and of each coefficient amount to, for a function of two arguments."""
    a, b, zero = abs(mpf(a)), abs(mpf(b)), mpf(0)
    out = {}
    for j, k in exponents(2, order):
        moved = (j + 1) * a * abs(coeffs.get((j + 1, k), zero)) + (k + 1) * b * abs(coeffs.get((j, k + 1), zero))
        out[j, k] = factor * (moved + (j + k + 1) * abs(coeffs.get((j, k), zero)))
    return out


def image2(name, u, v, variables, order, dtype):
    """f(u, v) and its slack."""
    zero = (0,) * variables
    coeffs = coefficients2(name, u[zero], v[zero], order)
    return _image(compose2, coeffs, [_exactly(u), _exactly(v)], variables, order, dtype)


# How far the arguments of a function of two may move: (of a, of b) at the point (a, b).
_SCALES = {
    "hypot": lambda a, b: (np.hypot(a, b) / 3,) * 2,
    "arctan2": lambda a, b: (np.hypot(a, b) / 3,) * 2,
    "logaddexp": lambda a, b: (1.0, 1.0),
    "power": lambda a, b: (a / (1 + abs(b)), 1 / (1 + abs(np.log(a)))),
}


def pair(name, a, b, variables, order, dtype):
    """Two dense series with the constant terms a and b."""
    scales = _SCALES.get(name, lambda a, b: (abs(a) or 1.0, abs(b)))(a, b)
    return tuple(series(x, s, variables, order, dtype, seed=i) for i, (x, s) in enumerate(zip((a, b), scales, strict=True)))


def pair_of_variables(name, a, b, order, dtype):
    """f(a + eps_1, b + eps_2) and its slack, with the 16 that a seeded input has."""
    coeffs = coefficients2(name, a, b, order + 1)
    slack = slack2(coeffs, a, b, order, 16 * FORMATS[dtype].unit)
    return _listed(coeffs, 2, order), _without_value(_listed(slack, 2, order))


def along_an_axis(name, a, b, order, axis, dtype):
    """The coefficients of one variable alone, where the other argument is a number, and their slack."""
    coeffs = coefficients2(name, a, b, order + 1)
    slack = slack2(coeffs, a, b, order, 16 * FORMATS[dtype].unit)
    degrees = [axis(k) for k in range(order + 1)]
    return [coeffs[e] for e in degrees], _without_value([slack[e] for e in degrees])
