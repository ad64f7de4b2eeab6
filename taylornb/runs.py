"""Which monomials of several variables lie together in loops, and which products of a sum are products of whole runs of them?

A run is all monomials that differ in the last variable alone, o·x^q for q = 0, 1, …. Loops take the monomials run by run, those
with an o of lower degree first, so that every factor of a product comes before it. Then the sum at o·x^q has, for each o = p·r,
the products of p·x^s and r·x^(q−s), s = 0 … q: as in one variable, with neighbours in memory for neighbouring s.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .basis import Basis
from .presence import Indices

LEAST = 0.3  # of the products of a sum, that are to be of whole runs


class Order(NamedTuple):
    """The order of monomials in loops.

    Attributes:
        place: Of each monomial.
        run: The number of its run.
        start: The place where each run begins.
        length: How many monomials each run has.
    """

    place: Indices
    run: Indices
    start: Indices
    length: Indices


@lru_cache(maxsize=4)
def ordered(basis: Basis) -> Order:
    """The monomials by runs; in one variable there is one."""
    others, last = basis.exponents[:, :-1], basis.exponents[:, -1]
    distinct, run = np.unique(others, axis=0, return_inverse=True)
    degrees = distinct.sum(axis=1)
    by_degree = np.argsort(degrees, kind="stable")
    number = np.empty_like(by_degree)
    number[by_degree] = np.arange(len(by_degree))
    run = number[run.ravel()]
    length = basis.order + 1 - degrees[by_degree]
    start = np.cumsum(length) - length
    return Order(start[run] + last, run, start, length)


def whole(
    basis: Basis, pairs: tuple[Indices, Indices, Indices], coming: tuple[bool, bool]
) -> tuple[NDArray[Any], NDArray[np.bool_]] | None:
    """Which of the pairs j + k = i are products of whole runs; None where they are too few to gain by it.

    Args:
        basis: The monomials.
        pairs: The monomials i, j and k of each.
        coming: Whether the coefficients of each factor come in the same loop, so that those of the run of i are not there yet.

    Returns:
        The pairs of runs, as (run of i, run of j, run of k), by the first; and for each pair of monomials whether it belongs
        to one of them.
    """
    order, (i, j, k) = ordered(basis), pairs
    count = len(order.start)
    target, left = order.run[i].astype(np.int64), order.run[j].astype(np.int64)
    codes, group, sizes = np.unique(target * count + left, return_inverse=True, return_counts=True)
    runs, firsts = codes // count, codes % count
    seconds = np.zeros(len(codes), dtype=np.int64)
    seconds[group] = order.run[k]
    waits = (coming[0] & (seconds == 0)) | (coming[1] & (firsts == 0))
    length = order.length[runs]
    chosen = (sizes == length * (length + 1) // 2) & (runs > 0) & ~waits
    if not chosen.any() or sizes[chosen].sum() < LEAST * len(i):
        return None
    return np.stack((runs[chosen], firsts[chosen], seconds[chosen])), chosen[group]
