"""What does a function of dense series, or of two arguments, give in exact truncated arithmetic?

A series is a dict from exponent tuples to mpf.  Substitution f(u) = sum c_k·(u - u0)^k is all there is to it; the same
sum over absolute values is the majorant, which tells how much a coefficient cancels.
"""

from functools import cache
from itertools import product

from mpmath import mp, mpf
from oracle import GUARD

PRECISION = 3 * GUARD
CEILING = 6000  # bits; a coefficient still lost in the noise there is an exact zero


def exponents(variables, order):
    """All exponent tuples of total degree <= order: by degree, then lexicographically descending."""
    found = (e for e in product(range(order + 1), repeat=variables) if sum(e) <= order)
    return sorted(found, key=lambda e: (sum(e), tuple(-i for i in e)))


def multiply(u, v, order):
    """The product truncated at total degree ``order``."""
    out = {}
    for (a, x), (b, y) in product(u.items(), v.items()):
        if sum(a) + sum(b) <= order:
            e = tuple(i + j for i, j in zip(a, b, strict=True))
            out[e] = out.get(e, 0) + x * y
    return out


def without_constant(u):
    return {e: c for e, c in u.items() if any(e) and c}


def magnitude(u):
    return {e: abs(c) for e, c in u.items()}


def constant(value, variables):
    return {(0,) * variables: mpf(value)}


def powers(h, variables, order):
    """h^0 .. h^order."""
    out = [constant(1, variables)]
    for _ in range(order):
        out.append(multiply(out[-1], h, order))
    return out


def combine(pairs):
    """The sum of weight·series over (weight, series) pairs."""
    out = {}
    for weight, series in pairs:
        for e, c in series.items():
            out[e] = out.get(e, 0) + weight * c
    return out


def compose(coeffs, u, variables, order):
    """f(u) for f given by its coefficients at the constant term of u."""
    with mp.workprec(PRECISION):
        return combine(zip(coeffs, powers(without_constant(u), variables, order), strict=False))


def compose2(coeffs, u, v, variables, order):
    """f(u, v) for f given by a dict (j, k) -> coefficient at the constant terms of u and v."""
    with mp.workprec(PRECISION):
        left = powers(without_constant(u), variables, order)
        right = powers(without_constant(v), variables, order)
        terms = ((c, j, k) for (j, k), c in coeffs.items() if c and j + k <= order)
        return combine((c, multiply(left[j], right[k], order)) for c, j, k in terms)


# --- functions of two arguments, as substitutions into functions of one ---


def _arctan2(a, b, order):
    """arctan2(a, b) = Im log(b + ia)."""
    out = {(0, 0): mp.atan2(a, b)}
    z = mp.mpc(b, a)
    for j, k in exponents(2, order)[1:]:
        n = j + k
        term = (-1) ** (n - 1) * mp.binomial(n, j) * mp.mpc(0, 1) ** j / z**n / n
        noise = abs(term) * mpf(2) ** (GUARD - mp.prec)
        out[j, k] = term.imag if abs(term.imag) > noise else mpf(0)
    return out


def _substituted(outer, inner):
    """outer(inner(a, b)) as a (signed, majorant) pair: ``outer`` maps the inner value to coefficients."""

    def pair(a, b, order):
        u = inner(a, b)
        coeffs = outer(u[0, 0], order)
        h = without_constant(u)
        signed = combine(zip(coeffs, powers(h, 2, order), strict=False))
        return signed, combine(zip(map(abs, coeffs), powers(magnitude(h), 2, order), strict=False))

    return pair


def _square_root(x, order):
    return [mp.binomial(mpf(1) / 2, k) * mp.sqrt(x) / x**k for k in range(order + 1)]


def _sum_of_squares(a, b):
    return {(0, 0): a * a + b * b, (1, 0): 2 * a, (0, 1): 2 * b, (2, 0): mpf(1), (0, 2): mpf(1)}


_hypot = _substituted(_square_root, _sum_of_squares)


def _softplus(t, order):
    """log(1 + e^t) by substituting the series of e^t, as a (signed, majorant) pair of lists."""
    e = mp.exp(t)
    inner = {(k,): e / mp.factorial(k) for k in range(1, order + 1)}
    outer = [mp.log1p(e), *(-((-1) ** n) / (n * (1 + e) ** n) for n in range(1, order + 1))]
    steps = powers(inner, 1, order)
    return combine(zip(outer, steps, strict=True)), combine(zip(map(abs, outer), steps, strict=True))


def _logaddexp(a, b, order):
    """max + softplus(min - max), so that neither exponential overflows; c_jk = c_n·(-1)^k·C(n, k), k on the larger one."""
    signed, bound = _softplus(min(a, b) - max(a, b), order)
    turn = (lambda e: e[::-1]) if a >= b else (lambda e: e)
    choose = {e: (-1) ** e[1] * mp.binomial(sum(e), e[1]) for e in exponents(2, order)}
    out = {turn(e): choose[e] * signed.get((sum(e),), 0) for e in choose}
    top = {turn(e): abs(choose[e]) * bound.get((sum(e),), 0) for e in choose}
    larger = turn((0, 1))
    for series in (out, top):
        series[0, 0] += max(a, b)
        series[larger] = series.get(larger, 0) + 1
    return out, {e: abs(c) for e, c in top.items()}


def _power(a, b, order):
    """exp((b0 + eps)·log a)."""
    log = [mp.log(a), *((-1) ** (n + 1) / (n * a**n) for n in range(1, order + 1))]
    logs = {(n, 0): c for n, c in enumerate(log)}
    u = multiply({(0, 0): b, (0, 1): mpf(1)}, logs, order)
    exps = [mp.exp(u[0, 0]) / mp.factorial(k) for k in range(order + 1)]
    h = without_constant(u)
    signed = combine(zip(exps, powers(h, 2, order), strict=False))
    return signed, combine(zip(exps, powers(magnitude(h), 2, order), strict=False))


_CANCELLING = {"hypot": _hypot, "logaddexp": _logaddexp, "power": _power}


def _product(a, b, order):
    return {(0, 0): a * b, (1, 0): b, (0, 1): a, (1, 1): mpf(1)}


def _ratio(a, b, order):
    """(a + eps)/b: the geometric series."""
    return {(j, k): (-1) ** k * (mpf(1) if j else a) / b ** (k + 1) for j in (0, 1) for k in range(order + 1)}


# Those whose every coefficient is one product, with nothing to cancel.
_PLAIN = {
    "arctan2": _arctan2,
    "multiply": _product,
    "divide": _ratio,
    "add": lambda a, b, order: {(0, 0): a + b, (1, 0): mpf(1), (0, 1): mpf(1)},
    "subtract": lambda a, b, order: {(0, 0): a - b, (1, 0): mpf(1), (0, 1): mpf(-1)},
}
BINARY = (*_PLAIN, *_CANCELLING)


def _kept(signed, bound, precision):
    """Do all coefficients keep GUARD bits after their cancellation?"""
    return all(abs(signed[e]) >= bound[e] * mpf(2) ** (GUARD - precision) for e in signed)


def _cleaned(signed, bound, precision):
    floor = mpf(2) ** (GUARD - precision)
    return {e: c if abs(c) >= bound[e] * floor else mpf(0) for e, c in signed.items()}


@cache
def coefficients2(name, a, b, order):
    """The dict (j, k) -> coefficient of eps_a^j·eps_b^k of ``name`` at the floats (a, b)."""
    if name in _PLAIN:
        with mp.workprec(CEILING):
            found = _PLAIN[name](mpf(a), mpf(b), order)
            return {e: found.get(e, mpf(0)) for e in exponents(2, order)}
    precision = PRECISION
    while True:
        with mp.workprec(precision):
            signed, bound = _CANCELLING[name](mpf(a), mpf(b), order)
        if precision >= CEILING or _kept(signed, bound, precision):
            cleaned = _cleaned(signed, bound, precision)
            return {e: cleaned.get(e, mpf(0)) for e in exponents(2, order)}
        precision *= 4
