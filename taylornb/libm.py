"""Scalar functions that neither NumPy nor Numba has, or not to full accuracy: the gamma family, remainder and sech².

Plain Python on floats, so that every target can use them: NumPy element by element, Numba inside its kernels. Of many elements
`targets.zetas` computes the zetas with the same arithmetic on arrays.

The functions of the gamma family have names for all their numbers. `numbers` gives those of float32: an untyped one would make
the arithmetic float64, and fewer terms will do there.
"""

from __future__ import annotations

import math
from math import floor
from typing import Any

import numpy as np

NUMBER = float
ZERO, HALF, ONE, TWO = 0.0, 0.5, 1.0, 2.0
PI, INF, NAN = math.pi, math.inf, math.nan

# B_2j/(2j)! for j = 1 … 10, of the Euler–Maclaurin formula (Abramowitz & Stegun 23.1.30).
EULER_MACLAURIN = (
    1 / 12,
    -1 / 720,
    1 / 30240,
    -1 / 1209600,
    1 / 47900160,
    -691 / 1307674368000,
    1 / 74724249600,
    -3617 / 10670622842880000,
    43867 / 5109094217170944000,
    -174611 / 802857662698291200000,
)
# A zeta takes sixteen terms of its sum and six of the formula. The first one left out is below 3e-18 of the sum for every order
# and x > 0, and what is missing is less: the terms of the formula are in turn too much and too little.
ZETA_STEPS, ZETA_FORMULA = tuple(map(float, range(15, -1, -1))), EULER_MACLAURIN[:6]
# B_2j/2j for j = 1 … 10, of the asymptotic series of digamma (Abramowitz & Stegun 6.3.18).
_ASYMPTOTIC = (
    1 / 12,
    -1 / 120,
    1 / 252,
    -1 / 240,
    1 / 132,
    -691 / 32760,
    1 / 12,
    -3617 / 8160,
    43867 / 14364,
    -174611 / 6600,
)
# The positive zero of digamma in two parts, and its Taylor coefficients there: ψ⁽ⁿ⁾/n!, n = 1 … 38. For |t| up to 1/2 what
# is missing is below 2e-18 of the value.
ROOT, ROOT_TAIL = 1.4616321449683622, 9.549995429965697e-17
_AT_ROOT = (
    0.9676722454476212,
    -0.4427631689835921,
    0.258499760955651,
    -0.16394270544240652,
    0.10782405069126237,
    -0.07219956125645471,
    0.04880428816414311,
    -0.03316112647484736,
    0.022597648232218104,
    -0.01542476590494896,
    0.010538791616612175,
    -0.007204534386356869,
    0.004926781395729853,
    -0.003369801655439328,
    0.002305126326734928,
    -0.0015769367714301972,
    0.0010788252019162967,
    -0.0007380709389960052,
    0.000504953265834602,
    -0.0003454680251063077,
    0.00023635601564027053,
    -0.00016170622091974803,
    0.0001106337276874741,
    -7.569179582195066e-05,
    5.178575795222081e-05,
    -3.5430070947659604e-05,
    2.424006611860132e-05,
    -1.6584242271854135e-05,
    1.134638458466385e-05,
    -7.762817668462094e-06,
    5.3110609208898636e-06,
    -3.6336507898010456e-06,
    2.486022733129538e-06,
    -1.7008538854332607e-06,
    1.1636675363548843e-06,
    -7.96142543124197e-07,
    5.446941930669446e-07,
    -3.7266161283438227e-07,
)
# log Γ(2 + t) = (1 − γ)·t + Σ (−1)^k·(ζ(k) − 1)/k·t^k, k = 2 … 28 (Abramowitz & Stegun 6.1.33 less log(1 + t)):
# for |t| up to 1/2 what is missing is below 2e-18 of the value.
ONE_LESS_EULER = 0.42278433509846713
_AT_TWO = (
    0.3224670334241132,
    -0.0673523010531981,
    0.020580808427784546,
    -0.007385551028673986,
    0.0028905103307415234,
    -0.001192753911703261,
    0.0005096695247430425,
    -0.00022315475845357939,
    9.945751278180853e-05,
    -4.492623673813314e-05,
    2.050721277567069e-05,
    -9.439488275268397e-06,
    4.374866789907488e-06,
    -2.039215753801366e-06,
    9.55141213040742e-07,
    -4.492469198764566e-07,
    2.1207184805554665e-07,
    -1.0043224823968099e-07,
    4.7698101693639804e-08,
    -2.2711094608943164e-08,
    1.0838659214896955e-08,
    -5.183475041970047e-09,
    2.4836745438024785e-09,
    -1.1921401405860912e-09,
    5.731367241678862e-10,
    -2.7595228851242334e-10,
    1.330476437424449e-10,
)
# From the highest power down, as they are summed up.
DOWN_AT_ROOT, DOWN_AT_TWO, DOWN = _AT_ROOT[::-1], _AT_TWO[::-1], _ASYMPTOTIC[::-1]
DOWN_INTEGRATED = tuple(c / (2 * n + 1) for n, c in enumerate(_ASYMPTOTIC))[::-1]
HALF_LOG_TWO_PI = 0.9189385332046728
GAMMALN_FAR, DIGAMMA_FAR = 10.0, 10.0  # from there on they are their asymptotic series

# What is other in float32, where 2^-27 of a value may be missing: fewer terms, and nearer ends. A zeta misses less than 4e-10
# of its sum, digamma 3e-9 and gammaln 5e-9 of what is added up.
_SINGLE: dict[str, Any] = {
    "ZETA_STEPS": ZETA_STEPS[-6:],
    "ZETA_FORMULA": EULER_MACLAURIN[:4],
    "ROOT_TAIL": ROOT - float(np.float32(ROOT)),
    "DOWN_AT_ROOT": DOWN_AT_ROOT[-19:],
    "DOWN_AT_TWO": DOWN_AT_TWO[-12:],
    "DOWN": DOWN[-4:],
    "DOWN_INTEGRATED": DOWN_INTEGRATED[-3:],
    "GAMMALN_FAR": 6.0,
    "DIGAMMA_FAR": 6.0,
}


def numbers(dtype: np.dtype[Any]) -> dict[str, Any]:
    """What the names of numbers in the functions of `GAMMAS` stand for, each a number of float64 or float32."""
    of = dtype.type
    names = {name for function in GAMMAS for name in function.__code__.co_names if name.isupper()} - {"NUMBER"}
    found = {name: globals()[name] for name in names} | (_SINGLE if of is np.float32 else {})
    typed = {name: tuple(map(of, value)) if isinstance(value, tuple) else of(value) for name, value in found.items()}
    return {**typed, "NUMBER": of}


def scaled_zeta(x: float, s: float) -> float:
    """a^(s−1)·Σ_{n ≥ 0} (x + n)^-s for a whole s ≥ 2 and any x, inf at the poles 0, −1, −2 and so on.

    The scale a is x right of 0, and left of it the distance to the nearest pole.

    Left of 0 the sum over all whole n, which is that of the fraction r of x, less the part that is too much.
    """
    n = int(s)
    if math.isinf(x):
        return ZERO
    if x > ZERO or x != x:
        return _zeta_of_positive(x, n, x)
    if x == floor(x):
        return INF
    sign = -ONE if n % 2 else ONE
    r = x - floor(x + HALF)
    whole = _sum_over_all(abs(r), n, sign)
    return (sign * whole if r < ZERO else whole) - sign * _zeta_of_positive(ONE - x, n, abs(r))


def gammaln(x: float) -> float:
    """Log |Γ(x)|, to full relative accuracy next to its zeros 1 and 2; inf at the poles, and ±inf there, as SciPy has it.

    math.lgamma has an absolute error of some 1e-16 there, and so none of the digits of the value.
    """
    if math.isinf(x):
        return x
    if x > ZERO or x != x:
        return _gammaln_of_positive(x)
    if x == floor(x):
        return INF
    r = x - floor(x + HALF)
    return math.log(PI / abs(math.sin(PI * r))) - _gammaln_of_positive(ONE - x)


def digamma(x: float) -> float:
    """The derivative of log Γ; at the poles as SciPy has it: ∓inf at ±0, NaN at the others."""
    if x > ZERO or x != x:
        return _digamma_of_positive(x)
    if x == ZERO:
        return math.copysign(INF, -math.copysign(ONE, x))
    if math.isinf(x) or x == floor(x):
        return NAN
    r = x - floor(x + HALF)
    if abs(r) > HALF * HALF:  # half a turn less r is exact, where the cotangent has its zero
        return _digamma_of_positive(ONE - x) - math.copysign(PI * math.tan(PI * (HALF - abs(r))), r)
    return _digamma_of_positive(ONE - x) - PI / math.tan(PI * r)


def remainder(a: float, b: float) -> float:
    """What numpy.remainder gives, the sign of a zero too: Numba's has it of a, NumPy's of b."""
    if b == 0:
        return math.nan
    rest: float = np.fmod(a, b)
    if rest == 0:
        return math.copysign(rest, b)
    return rest + b if (rest < 0) != (b < 0) else rest


def sech2(x: float) -> float:
    """1/cosh²: the square of 2e/(1 + e²), e = exp(−|x|), which neither overflows nor is subnormal before the result is."""
    small = math.exp(-abs(x))
    root = 2 * small / (1 + small * small)
    return root * root


def _sum_over_all(r: float, n: int, sign: float) -> float:
    """r^(n−1)·Σ (r + k)^-n over every whole k, 0 < r ≤ 1/2: the two nearest terms first, which cancel at 1/2 for odd n."""
    nearest = ONE / r + sign * _term(ONE - r, n, r)
    return nearest + (_zeta_of_positive(ONE + r, n, r) + sign * _zeta_of_positive(TWO - r, n, r))


def _zeta_of_positive(x: float, n: int, scale: float) -> float:
    """scale^(n−1)·Σ (x + k)^-n: the first terms, the smallest first, and the Euler–Maclaurin formula for the rest."""
    total, order, multiplications = ZERO, NUMBER(n), range(n - 2)
    for step in ZETA_STEPS:
        w = x + step
        ratio = scale / w
        term = ratio / w
        for _ in multiplications:
            term *= ratio
        total += term
    w = x + ZETA_STEPS[0]
    power = ONE / w
    rest, square, factor, m = w * (ONE / (order - ONE)) - HALF, power * power, order, order + ONE
    for coefficient in ZETA_FORMULA:
        rest += coefficient * factor * power
        power *= square
        factor *= m * (m + ONE)
        m += TWO
    return rest * _term(w, n, scale) + total


def _term(w: float, n: int, scale: float) -> float:
    """scale^(n−1)·w^-n."""
    ratio = scale / w
    term = ratio / w
    for _ in range(n - 2):
        term *= ratio
    return term


def _gammaln_of_positive(x: float) -> float:
    if x < HALF:
        return _gammaln_near_two(x) - math.log1p(x) - math.log(x)
    if x < ONE + HALF:
        return _gammaln_near_two(x - ONE) - math.log1p(x - ONE)
    if x < TWO + HALF:
        return _gammaln_near_two(x - TWO)
    if x < GAMMALN_FAR:  # from a w next to 2 on: log Γ(w) is small, and hardly cancels with the logarithm of the product
        product, w = ONE, x
        while w >= TWO + HALF:
            w -= ONE
            product *= w
        return math.log(product) + _gammaln_near_two(w - TWO)
    square, tail = ONE / x / x, ZERO
    for coefficient in DOWN_INTEGRATED:
        tail = coefficient + tail * square
    return (x - HALF) * math.log(x) - x + HALF_LOG_TWO_PI + tail / x


def _gammaln_near_two(t: float) -> float:
    """Log Γ(2 + t) for |t| up to 1/2."""
    total = ZERO
    for coefficient in DOWN_AT_TWO:
        total = coefficient + total * t
    return t * (ONE_LESS_EULER + t * total)


def _digamma_of_positive(x: float) -> float:
    if not x < DIGAMMA_FAR:
        square, tail = ONE / x / x, ZERO
        for coefficient in DOWN:
            tail = (coefficient + tail) * square
        return math.log(x) - ONE / x / TWO - tail
    total, near, w = ZERO, ZERO, x  # ψ(w + 1) is ψ(w) + 1/w: down to next to the zero, which cancels less than to go up
    while w > ROOT + HALF:
        w -= ONE
        total += ONE / w
    if w < ROOT - HALF:
        total -= ONE / w
        t = (w - (ROOT - ONE)) - ROOT_TAIL
    else:
        t = (w - ROOT) - ROOT_TAIL
    for coefficient in DOWN_AT_ROOT:
        near = coefficient + near * t
    return total + near * t


# The gamma family, each function after those that it calls.
GAMMAS = (
    _term,
    _zeta_of_positive,
    _sum_over_all,
    scaled_zeta,
    _gammaln_near_two,
    _gammaln_of_positive,
    gammaln,
    _digamma_of_positive,
    digamma,
)
FUNCTIONS = (*GAMMAS, remainder, sech2)
