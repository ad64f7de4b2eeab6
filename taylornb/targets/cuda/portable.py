"""Scalar functions that Python's math module and CUDA do not share, as plain Python for either dtype.

They run inside CUDA kernels, in functions for the processor, and as they stand; `functions` makes those of one dtype, and with
them the gamma family of `libm`.
The numbers in capital letters are those of the dtype: an untyped one would make float32 arithmetic float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from ... import libm
from ...program import Dtype

NUMBERS = {
    "ZERO": 0.0,
    "HALF": 0.5,
    "ONE": 1.0,
    "THIRD": 1 / 3,
    "LN2": math.log(2),
    "INF": math.inf,
    "NAN": math.nan,
    "WHOLE": 2.0**52,  # above it all numbers are whole; in float32 from 2**23
}
# As float64 they stand here too, so that the functions can be read and checked as they are.
ZERO, HALF, ONE, THIRD, LN2, INF, NAN, WHOLE = NUMBERS.values()


def rint(x: Any) -> Any:
    """The nearest whole number, halves to even: by adding a number that leaves no room for a fraction."""
    if not math.fabs(x) < WHOLE:
        return x  # whole, or infinite, or not a number
    shift = math.copysign(WHOLE, x)
    return math.copysign((x + shift) - shift, x)


def floor(x: Any) -> Any:
    """The largest whole number not above x."""
    near = rint(x)
    return near - ONE if near > x else near


def ceil(x: Any) -> Any:
    """The smallest whole number not below x; −0 above −1, as NumPy has it."""
    near = rint(x)
    return math.copysign(near + ONE, x) if near < x else near


def trunc(x: Any) -> Any:
    """The number without its fraction."""
    return math.copysign(floor(math.fabs(x)), x)


def sign(x: Any) -> Any:
    """−1, 0 or 1; NaN of NaN."""
    return ONE if x > ZERO else -ONE if x < ZERO else x + ZERO


def cbrt(x: Any) -> Any:
    """∛x: a power, and a step of Newton's method that neither overflows nor underflows before the result does."""
    size = math.fabs(x)
    if size == ZERO or math.isinf(x):
        return x
    root = math.pow(size, THIRD)
    return math.copysign(root + (size / (root * root) - root) * THIRD, x)


def fmod(a: Any, b: Any) -> Any:
    """The rest of a/b with the sign of a, exactly, by long division.

    Numba has no math.fmod for the processor and no np.fmod for CUDA, where a % b is inexact.
    """
    rest, size = math.fabs(a), math.fabs(b)
    if not rest < INF or not size > ZERO:
        return NAN
    if rest >= size:
        part = size
        while part <= rest * HALF:
            part += part
        while part >= size:
            if rest >= part:
                rest -= part
            part *= HALF
    return math.copysign(rest, a)


def remainder(a: Any, b: Any) -> Any:
    """What numpy.remainder gives, with the sign of b, that of a zero too."""
    rest = fmod(a, b)
    if rest == ZERO:
        return math.copysign(rest, b)
    return rest + b if (rest < ZERO) != (b < ZERO) else rest


def logaddexp(a: Any, b: Any) -> Any:
    """log(eᵃ + eᵇ): the larger and log(1 + e^−|a − b|); infinities of one sign have no difference."""
    if a == b:
        return a + LN2
    apart = math.fabs(a - b)
    if math.isnan(apart):
        return a + b
    return (a if a > b else b) + math.log1p(math.exp(-apart))


def sech2(x: Any) -> Any:
    """1/cosh²: the square of 2e/(1 + e²), e = exp(−|x|), which neither overflows nor is subnormal before the result is."""
    small = math.exp(-math.fabs(x))
    root = (small + small) / (ONE + small * small)
    return root * root


def sincos(x: Any) -> tuple[Any, Any]:
    """The sine and the cosine."""
    return math.sin(x), math.cos(x)


FUNCTIONS = (rint, floor, ceil, trunc, sign, cbrt, fmod, remainder, logaddexp, sech2, sincos)
ALL = (*FUNCTIONS, *libm.GAMMAS)  # each after those that it calls


def functions(dtype: Dtype, compiled: Callable[[Any], Any], mathematics: Any = math) -> dict[str, Any]:
    """The functions of a dtype, by the names that they have in a text: `floor_f4`.

    Args:
        dtype: float64 or float32.
        compiled: What becomes of each before another calls it.
        mathematics: What stands for the math module in them.
    """
    scope: dict[str, Any] = libm.numbers(dtype) | {name: dtype.type(number) for name, number in NUMBERS.items()}
    scope |= {"WHOLE": dtype.type(2.0 ** np.finfo(dtype).nmant), "math": mathematics, "__name__": __name__}
    for function in ALL:
        scope[function.__name__] = compiled(FunctionType(function.__code__, scope, function.__name__))
    return {f"{function.__name__}_{dtype.str[1:]}": scope[function.__name__] for function in ALL}
