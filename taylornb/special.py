"""Special functions under SciPy's names, declared as in `ops`: the error function and the gamma family."""

from __future__ import annotations

from typing import Any

from .detach import detach, graft
from .number import Constant
from .ops import absolute, exp, maximum, minimum, rint, square, where
from .rules import Op, equation

TWO_OVER_ROOT_PI = Constant("2/sqrt(pi)")


def _gaussian(x: Any) -> Any:
    """exp(−x²) as a constant times a series, both e^(−x²/2) in value: neither is subnormal, so no digits are lost in one."""
    scaled = exp(graft(-square(x) / 2, -square(x)))
    return detach(scaled) * scaled


erf = equation("erf", "The error function.", rate=lambda x, y: TWO_OVER_ROOT_PI * _gaussian(x))
erfc = equation("erfc", "1 − erf(x).", rate=lambda x, y: -(TWO_OVER_ROOT_PI * _gaussian(x)))


# The Hurwitz zeta functions ζ(s, x), which are the derivatives of digamma, leave the range of floats long before the terms
# they stand in. With a constant a, x itself or the distance to the nearest pole, z_s = a^(s−1)·ζ(s, x) is about 1 or 1/a.
gammaln = equation("gammaln", "log |Γ(x)|.", per=lambda x, y: _below_one(x), rate=lambda x, y: _scaled_digamma(x))
digamma = equation(
    "digamma", "The derivative of log Γ.", per=lambda x, y: _to_the_pole(x), rate=lambda x, y: _scaled_zeta(x, 2)
)
_scaled_digamma: Op = equation(
    "scaled_digamma",
    "min(a, 1)·ψ(x).",
    value=lambda x: _below_one(x) * digamma(x),
    per=lambda x, y: maximum(_to_the_pole(x), 1),
    rate=lambda x, y: _scaled_zeta(x, 2),
    public=False,
)
_scaled_zeta: Op = equation(
    "scaled_zeta",
    "a^(s−1)·Σ (x + n)^-s for a whole s ≥ 2.",
    per=lambda x, y, s: _to_the_pole(x),
    rate=lambda x, y, s: -s * _scaled_zeta(x, s + 1),
    bind=lambda x, s: ((x,), (s,)),
    public=False,
)


def _to_the_pole(x: Any) -> Any:
    return detach(where(x > 0, x, absolute(x - rint(x))))


def _below_one(x: Any) -> Any:
    return minimum(_to_the_pole(x), 1)
