"""What does the series of exp(sin x)·x/(1 + x²) cost without taylornb? Its recurrences, written with NumPy operations."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[Any]
BLOCK = 8192  # elements; the arrays that a block needs at order 4 then stay in a core's cache


def whole(x: Planes, order: int) -> Planes:
    """All normalised coefficients at each point, shape (order + 1, *shape of x)."""
    return _quotient(x, _times_variable(x, _exponential(_sine(x, order))))


def in_blocks(x: Planes, order: int) -> Planes:
    """The same, block by block."""
    out = np.empty((order + 1, len(x)), dtype=x.dtype)
    for start in range(0, len(x), BLOCK):
        out[:, start : start + BLOCK] = whole(x[start : start + BLOCK], order)
    return out


def _sine(x: Planes, order: int) -> list[Planes]:
    sine, cosine = np.sin(x), np.cos(x)
    cycle = (sine, cosine, -sine, -cosine)
    return [cycle[k % 4] / factorial(k) for k in range(order + 1)]


def _exponential(s: list[Planes]) -> list[Planes]:
    """The series y = exp(s): k·y_k = Σ j·s_j·y_(k−j), the factors j·s_j made once."""
    weighted = [j * term for j, term in enumerate(s)]
    y = [np.exp(s[0])]
    for k in range(1, len(s)):
        total = weighted[1] * y[k - 1]
        for j in range(2, k + 1):
            total += weighted[j] * y[k - j]
        total /= k
        y.append(total)
    return y


def _times_variable(x: Planes, y: list[Planes]) -> list[Planes]:
    """(x + ε)·y."""
    return [x * y[0], *(x * y[k] + y[k - 1] for k in range(1, len(y)))]


def _quotient(x: Planes, a: list[Planes]) -> Planes:
    """The series q = a/(1 + x² + 2x·ε + ε²): one reciprocal serves every degree."""
    reciprocal, slope = 1 / (1 + x * x), 2 * x
    q = np.empty((len(a), *x.shape), dtype=x.dtype)
    for k, term in enumerate(a):
        rest = term - slope * q[k - 1] if k else term
        rest = rest - q[k - 2] if k > 1 else rest
        np.multiply(rest, reciprocal, out=q[k])
    return q
