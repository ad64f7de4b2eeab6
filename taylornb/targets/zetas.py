"""How are Hurwitz' zeta functions computed without a compiler: all orders at once, on arrays, in the arithmetic of `libm`.

A term of one order is that of the order before times a ratio, so that the orders share what is dear, the divisions and the
calls of NumPy. Each element gets the bits that `libm.scaled_zeta` gives it, whatever is computed beside it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..libm import ZETA_FORMULA, ZETA_STEPS, scaled_zeta

Array = NDArray[Any]
STEPS = np.array(ZETA_STEPS, dtype=np.float64)[:, None]
FEW = 5  # values that Python computes sooner one by one than NumPy makes its thirty calls
ROOM = 1 << 15  # terms of a block of elements: a quarter of a megabyte, which caches hold


class Zetas:
    """The functions `libm.scaled_zeta` for s = 2 … last.

    Args:
        last: The highest order.
    """

    def __init__(self, last: int) -> None:
        self._orders = range(2, last + 1)
        orders = np.array(self._orders, dtype=np.float64)
        self._sign, self._formula = 1 - 2 * (orders[:, None] % 2), _formula(orders)
        self._size = max(1, ROOM // (STEPS.size * max(orders.size, 4)))

    def __call__(self, x: Array) -> Array:
        """Their values, z_s in row s − 2, (rows, *shape) in the dtype of x."""
        flat = np.asarray(x, dtype=np.float64).reshape(-1)
        if flat.size * len(self._orders) <= FEW:
            found = np.array([[scaled_zeta(item, s) for item in flat.tolist()] for s in self._orders])
        else:
            found = self._any(flat)
        return found.reshape(len(found), *x.shape).astype(x.dtype, copy=False)

    def _any(self, x: Array) -> Array:
        """Of any numbers: those right and left of 0 each in their way, and what is neither."""
        if np.minimum.reduce(x) > 0 and np.maximum.reduce(x) < math.inf:
            return self._right(x, x)
        found = np.empty((len(self._orders), x.size))
        found[:] = np.where(np.isinf(x), 0, np.where(np.isnan(x), math.nan, math.inf))
        right, left = (x > 0) & (x < math.inf), (x < 0) & (x != np.floor(x))
        found[:, right] = self._right(x[right], x[right])
        found[:, left] = self._left(x[left])
        return found

    def _right(self, x: Array, scale: Array) -> Array:
        """With any scale, for x > 0, block by block in the same memory."""
        room = np.empty((len(self._orders), STEPS.size, min(x.size, self._size)))
        if x.size <= self._size:
            return self._block(x, scale, room)
        found = np.empty((len(self._orders), x.size))
        for n in range(0, x.size, self._size):
            some = slice(n, n + self._size)
            found[:, some] = self._block(x[some], scale[some], room[:, :, : x.size - n])
        return found

    def _block(self, x: Array, scale: Array, room: Array) -> Array:
        """The first terms, for which there is room, and the Euler–Maclaurin formula for the rest."""
        if x.size == 1:  # a column alone NumPy would add up in another order, with other last bits than among others
            return self._right(np.repeat(x, 2), np.repeat(scale, 2))[:, :1]
        w = x + STEPS
        terms = _terms(w, scale / w, room)
        total: Array = np.add.reduce(self._formula * _powers(w[0]))
        total *= terms[:, 0]
        total += np.add.reduce(terms, axis=1)
        return total

    def _left(self, x: Array) -> Array:
        """Left of 0 the sum over all whole n, which is that of the distance r from the nearest pole, less what is too much.

        Its two nearest terms come first: they cancel at 1/2 for odd orders.
        """
        r = x - np.rint(x)
        scale = np.abs(r)
        below = 1 - scale
        sums = self._right(np.concatenate([1 + scale, 2 - scale, 1 - x]), np.concatenate([scale] * 3))
        first, second, beyond = np.split(sums, 3, axis=1)
        nearest = 1 / scale + self._sign * _terms(below, scale / below, np.empty((len(self._orders), x.size)))
        whole = nearest + (first + self._sign * second)
        found: Array = np.where(r < 0, self._sign, 1) * whole - self._sign * beyond
        return found


def _terms(w: Array, ratio: Array, terms: Array) -> Array:
    """Fills terms, (orders, *shape), with ratio^(s−1)/w."""
    term = np.divide(ratio, w, out=terms[0])
    for own in terms[1:]:
        term = np.multiply(term, ratio, out=own)
    return terms


def _formula(orders: Array) -> Array:
    """The coefficients of `_powers`, (powers, orders, 1): 1/(s − 1), −1/2 and B_2j/(2j)!·s·(s + 1)···(s + 2j − 2)."""
    found, factor, m = [1 / (orders - 1), np.full(orders.size, -0.5)], orders, orders + 1
    for coefficient in ZETA_FORMULA:
        found.append(coefficient * factor)
        factor, m = factor * m * (m + 1), m + 2
    return np.stack(found)[:, :, None]


def _powers(w: Array) -> Array:
    """The powers w, 1, w^-1, w^-3 … w^-11, (powers, 1, elements)."""
    powers = np.empty((2 + len(ZETA_FORMULA), w.size))
    powers[0], powers[1] = w, 1
    power = np.reciprocal(w, out=powers[2])
    square = power * power
    for own in powers[3:]:
        power = np.multiply(power, square, out=own)
    return powers[:, None]
