"""Every elementwise operation taylornb knows, one declaration each. To add an op, add a line here.

An equation is per·Dy = rate·Dx with x the argument and y the result (docs/theory.md); the forms below are the ones
that keep the relative accuracy of every coefficient, and where the obvious form would not, a comment says why.
"""

from __future__ import annotations

from fractions import Fraction
from operator import index as as_index
from typing import Any

from .detach import detach, graft
from .number import Constant
from .rules import Op, bilinear, composite, constant, equation, linear, quotient

LN2, PER_LN2, PER_LN10 = Constant("ln2"), Constant("log2(e)"), Constant("log10(e)")

# ---- arithmetic --------------------------------------------------------------------------------------
add = linear("add", "a + b.", lambda m, a, b: m.add(a, b), at=(0.7, 0.3), on_truth="logical_or")
subtract = linear("subtract", "a − b.", lambda m, a, b: m.subtract(a, b), at=(0.7, 0.3), on_truth="refuse")
negative = linear("negative", "−x.", lambda m, x: m.negative(x), involution=True, on_truth="refuse")
positive = linear("positive", "+x.", lambda m, x: x, on_truth="refuse")
multiply = bilinear("multiply", "a·b.", at=(0.7, 0.3), on_truth="logical_and")
divide = quotient("divide", "a/b.", at=(0.7, 0.3))
square = composite("square", "x².", lambda x: multiply(x, x))
reciprocal = composite("reciprocal", "1/x.", lambda x: divide(1, x))

# ---- comparisons and other functions of the value ----------------------------------------------------
_ORDER = {"at": (0.7, 0.3), "boolean": True}
greater = constant("greater", "a > b, on values.", lambda m, a, b: m.truth("greater", a, b), **_ORDER)
greater_equal = constant("greater_equal", "a ≥ b, on values.", lambda m, a, b: m.truth("greater_equal", a, b), **_ORDER)
less = constant("less", "a < b, on values.", lambda m, a, b: m.truth("less", a, b), **_ORDER)
less_equal = constant("less_equal", "a ≤ b, on values.", lambda m, a, b: m.truth("less_equal", a, b), **_ORDER)
equal = constant("equal", "a = b, on values.", lambda m, a, b: m.truth("equal", a, b), **_ORDER)
not_equal = constant("not_equal", "a ≠ b, on values.", lambda m, a, b: m.truth("not_equal", a, b), **_ORDER)
logical_and = constant("logical_and", "Both hold.", lambda m, a, b: m.logic("logical_and", a, b), **_ORDER)
logical_or = constant("logical_or", "One or both hold.", lambda m, a, b: m.logic("logical_or", a, b), **_ORDER)
logical_xor = constant("logical_xor", "Just one holds.", lambda m, a, b: m.logic("logical_xor", a, b), **_ORDER)
logical_not = constant("logical_not", "It does not hold.", lambda m, a: m.logic("logical_not", a), boolean=True)
isnan = constant("isnan", "Whether the value is NaN.", lambda m, x: m.truth("isnan", x), boolean=True)
isfinite = constant("isfinite", "Whether the value is finite.", lambda m, x: m.truth("isfinite", x), boolean=True)
isinf = constant("isinf", "Whether the value is infinite.", lambda m, x: m.truth("isinf", x), boolean=True)
sign = constant("sign", "The sign of the value.")
floor = constant("floor", "The largest whole number not above the value.")
ceil = constant("ceil", "The smallest whole number not below the value.")
rint = constant("rint", "The nearest whole number, halves to even.")
trunc = constant("trunc", "The value without its fraction.")
zeros_like = constant("zeros_like", "Zeros, constant, of the same shape.", lambda m, x: Fraction(0))
ones_like = constant("ones_like", "Ones, constant, of the same shape.", lambda m, x: Fraction(1))


def _round(x: Any, decimals: Any = 0) -> Any:
    scale = 10 ** abs(int(decimals))
    if decimals == 0:
        return rint(x)
    return rint(x * scale) / scale if decimals > 0 else rint(x / scale) * scale


round = composite(
    "round",
    "Rounded to so many decimals, halves to even.",
    _round,
    static=frozenset((1,)),
    bind=lambda a, decimals=0: ((a, as_index(decimals)), ()),
)

# ---- choice ------------------------------------------------------------------------------------------
where = linear(
    "where",
    "a where the condition holds, else b; derivatives go with the choice.",
    lambda m, condition, a, b: m.where(condition, a, b),
    by_value=frozenset((0,)),
    at=(1.0, 0.7, 0.3),
    on_truth="same",
)
_TWO = {"at": (0.7, 0.3)}
maximum = composite(
    "maximum", "The larger; ties take the first, NaN wins.", lambda a, b: where((a >= b) | isnan(a), a, b), **_TWO
)
minimum = composite(
    "minimum", "The smaller; ties take the first, NaN wins.", lambda a, b: where((a <= b) | isnan(a), a, b), **_TWO
)
fmax = composite("fmax", "The larger; ties take the first, NaN loses.", lambda a, b: where((a >= b) | isnan(b), a, b), **_TWO)
fmin = composite("fmin", "The smaller; ties take the first, NaN loses.", lambda a, b: where((a <= b) | isnan(b), a, b), **_TWO)


def _clip(x: Any, lowest: Any, highest: Any) -> Any:
    x = x if lowest is None else maximum(x, lowest)
    return x if highest is None else minimum(x, highest)


def _bind_clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return (a, min if a_min is None else a_min, max if a_max is None else a_max), ()


clip = composite("clip", "minimum(maximum(x, lo), hi).", _clip, at=(0.7, 0.2, 0.9), bind=_bind_clip, optional=frozenset((1, 2)))
heaviside = composite(
    "heaviside", "0, h or 1 where x is below, at or above 0.", lambda x, h: where(x == 0, h, (sign(x) + 1) / 2), **_TWO
)
absolute = equation("absolute", "|x|, with slope 0 at 0.", rate=lambda x, y: sign(x))
copysign = equation("copysign", "|a| with the sign of b.", rate=lambda a, b, y: (sign(a) * sign(y), None), **_TWO)
remainder = equation("remainder", "a − b·floor(a/b), as numpy.remainder.", rate=lambda a, b, y: (1, -rint((a - y) / b)), **_TWO)

# ---- roots -----------------------------------------------------------------------------------------
sqrt = equation("sqrt", "√x.", per=lambda x, y: y, rate=lambda x, y: Fraction(1, 2))
cbrt = equation("cbrt", "∛x.", per=lambda x, y: 3 * square(y))

# ---- exponentials and logarithms ---------------------------------------------------------------------
exp = equation("exp", "eˣ.", rate=lambda x, y: y)
box = composite("box", "exp(τ − ⊥τ): value 1, and the derivatives of exp τ over its value.", lambda tau: exp(tau - detach(tau)))
exp2 = equation("exp2", "2ˣ.", rate=lambda x, y: y * LN2)
expm1 = equation("expm1", "eˣ − 1.", rate=lambda x, y: exp(x))  # not 1 + y: at −40 that cancels to nothing
log: Op = equation("log", "The natural logarithm.", per=lambda x, y: x)
log2 = equation("log2", "The logarithm to base 2.", per=lambda x, y: x, rate=lambda x, y: PER_LN2)
log10 = equation("log10", "The logarithm to base 10.", per=lambda x, y: x, rate=lambda x, y: PER_LN10)
log1p = equation("log1p", "log(1 + x).", per=lambda x, y: 1 + x)


def _stable_expit(x: Any) -> Any:
    small = exp(-absolute(x))
    return where(x < 0, small, 1) / (1 + small)


# sech²(x/2)/4, not y − y², which loses every digit at 40, nor y·logistic(−x), whose slope cancels near 0.
expit: Op = equation(
    "expit", "The logistic function 1/(1 + e⁻ˣ).", value=_stable_expit, rate=lambda x, y: Fraction(1, 4) * _sech2(x / 2)
)
log_expit = equation(
    "log_expit",
    "log(1/(1 + e⁻ˣ)).",
    value=lambda x: -(log1p(exp(-absolute(x))) - minimum(x, 0)),
    rate=lambda x, y: expit(-x),
)
logaddexp = equation("logaddexp", "log(eᵃ + eᵇ).", rate=lambda a, b, y: (expit(a - b), expit(b - a)), **_TWO)

# ---- circular functions ------------------------------------------------------------------------------
sin = equation("sin", "The sine.", rate=lambda x, y: cos(x))
cos: Op = equation("cos", "The cosine.", rate=lambda x, y: -sin(x))
tan = equation("tan", "The tangent.", per=lambda x, y: _tamed(y), rate=lambda x, y: _tamed(y) + (_tamed(y) * y) * y)


def _tamed(y: Any) -> Any:
    """A constant for both sides: 1 + y² has k·y_k in its coefficient k − 1, which near a pole overflows before y_k does."""
    return where(absolute(y) > 1, Fraction(1, 64), 1)


def _scale(x: Any) -> Any:
    """A constant that both sides of an equation are multiplied by, so that x² does not overflow."""
    return detach(1 / maximum(absolute(x), 1))


def _one_minus_square(x: Any) -> Any:
    """1 − x²: the value as a product, since 1 − x² cancels near 1; the rest as it is, since the product's cancels near 0."""
    return graft((1 - x) * (1 + x), 1 - square(x))


arcsin = equation("arcsin", "The inverse sine.", per=lambda x, y: sqrt(_one_minus_square(x)))
arccos = equation("arccos", "The inverse cosine.", per=lambda x, y: sqrt(_one_minus_square(x)), rate=lambda x, y: -1)
arctan = equation(
    "arctan", "The inverse tangent.", per=lambda x, y: _scale(x) + (_scale(x) * x) * x, rate=lambda x, y: _scale(x)
)

# ---- the plane: h = hypot(a, b), a = h·cos φ, b = h·sin φ -----------------------------------------------
# Dh = c·Da + s·Db, h·Dφ = c·Db − s·Da, Dc = −s·Dφ, Ds = c·Dφ; h·Dh = a·Da + b·Db loses 11 digits at (10⁶, 1).
hypot = equation("hypot", "√(a² + b²).", rate=lambda a, b, y: _direction(a, b, arctan2(b, a)), **_TWO)
arctan2: Op = equation(
    "arctan2",
    "The angle of the point (x, y), given y first.",
    per=lambda b, a, y: _radius(a, b, y),
    rate=lambda b, a, y: (_room(a, b) * _cosine(a, b, y), -(_room(a, b) * _sine(a, b, y))),
    **_TWO,
)
_THREE = {"at": (0.7, 0.3, 0.4), "public": False}
_radius: Op = equation(
    "direction_radius",
    "The radius times the constant for both sides: by the direction that there is, where hypot would need another angle.",
    value=lambda a, b, phi: hypot(_room(a, b) * a, _room(a, b) * b),
    rate=lambda a, b, phi, y: (_room(a, b) * _cosine(a, b, phi), _room(a, b) * _sine(a, b, phi), None),
    **_THREE,
)
_cosine: Op = equation(
    "direction_cosine",
    "cos φ.",
    value=lambda a, b, phi: _room(a, b) * a / hypot(_room(a, b) * a, _room(a, b) * b),
    rate=lambda a, b, phi, y: (None, None, -_sine(a, b, phi)),
    **_THREE,
)
_sine: Op = equation(
    "direction_sine",
    "sin φ.",
    value=lambda a, b, phi: _room(a, b) * b / hypot(_room(a, b) * a, _room(a, b) * b),
    rate=lambda a, b, phi, y: (None, None, _cosine(a, b, phi)),
    **_THREE,
)


def _room(a: Any, b: Any) -> Any:
    """A constant for both sides, so that the radius does not overflow where the angle is ordinary."""
    return where(maximum(absolute(a), absolute(b)) > 1, Fraction(1, 4), 1)


def _direction(a: Any, b: Any, phi: Any) -> tuple[Any, Any]:
    return _cosine(a, b, phi), _sine(a, b, phi)


# ---- hyperbolic functions ----------------------------------------------------------------------------
sinh = equation("sinh", "The hyperbolic sine.", rate=lambda x, y: cosh(x))
cosh: Op = equation("cosh", "The hyperbolic cosine.", rate=lambda x, y: sinh(x))


# sech² is an op of its own: 1 − y² is 0 where tanh rounds to 1.
tanh = equation("tanh", "The hyperbolic tangent.", rate=lambda x, y: _sech2(x))
_sech2: Op = equation(
    "sech2",
    "1/cosh².",
    rate=lambda x, y: -2 * (tanh(x) * y),
    public=False,
)


def _root_of_one_plus_square(x: Any) -> Any:
    """_scale·√(1 + x²)."""
    return sqrt(square(_scale(x)) + square(_scale(x) * x))


arcsinh = equation(
    "arcsinh", "The inverse hyperbolic sine.", per=lambda x, y: _root_of_one_plus_square(x), rate=lambda x, y: _scale(x)
)
arccosh = equation(
    "arccosh",
    "The inverse hyperbolic cosine.",
    per=lambda x, y: sqrt((_scale(x) * (x - 1)) * (_scale(x) * (x + 1))),
    rate=lambda x, y: _scale(x),
    at=(1.7,),
)
arctanh = equation("arctanh", "The inverse hyperbolic tangent.", per=lambda x, y: _one_minus_square(x))
