"""How are the sums of four neighbouring monomials in one variable computed together, so that what is loaded serves all four?

At i = 4n, the sums at i, i + 1, i + 2 and i + 3 have a far part in common: products a_j·b_k of coefficients that were there
before i, with 4 ≤ j < i. Four a's and seven b's give sixteen products of it. What is near, j < 4 and k ≤ m in the sum at
i + m, is added when the coefficients between i and i + m are there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...rolled import SIDE, Band, Sum
from .scratch import Memory
from .sums import Totals
from .text import Vector

PARTS = 2  # totals for each sum, so that additions do not wait for each other


def tiled(one: Sum, span: range) -> bool:
    """Whether the sum can be taken so: over all pairs but those with the very first coefficients, without weights."""
    band = one.over
    if not isinstance(band, Band) or one.weight is not None or one.half:
        return False
    whole = span[-1] - band.b[1] <= band.a[0] and span[-1] - band.b[0] <= band.a[1]
    return whole and max(band.a[0], band.b[0]) < SIDE


def parts(monomials: range) -> tuple[range, range, range]:
    """The monomials before the first tile, those of whole tiles, and those after."""
    start = -(-max(monomials.start, SIDE) // SIDE) * SIDE
    stop = start + max(0, monomials.stop - start) // SIDE * SIDE
    if stop <= start:
        return monomials, range(0), range(0)
    return range(monomials.start, start), range(start, stop, SIDE), range(stop, monomials.stop)


def far(memory: Memory, one: Sum, i: str, backward: bool) -> list[str]:
    """Append the far parts of the sums at i, i + 1, i + 2 and i + 3.

    Args:
        memory: Where the coefficients are.
        one: The sum.
        i: The first monomial.
        backward: Whether the latest coefficients are those of b: they are taken last, since they may be on their way.
    """
    v = Vector(memory.code, memory.lanes, one.dtype, contract=True)
    return _Tiles(memory, one, v, i).totals_of_four(backward)


class Far(NamedTuple):
    """The far part of the sum at i + m."""

    i: str
    m: int
    total: str


def near(memory: Memory, one: Sum, far: Far) -> str:
    """Append what is left of a sum, beside its far part."""
    v, emit = Vector(memory.code, memory.lanes, one.dtype, contract=True), memory.code.emit
    total = far.total
    for j, k in _near(one, far.m):
        places = [str(n) if known else emit(f"add i64 {far.i}, {n}") for known, n in (j, k)]
        a, b = (memory.read(memory.at(slot, place), one.dtype) for slot, place in zip((one.a, one.b), places, strict=True))
        total = v.madd(a, b, total)
    return total


def _near(one: Sum, m: int) -> Iterator[tuple[tuple[bool, int], tuple[bool, int]]]:
    """The pairs (j, k), the latest coefficients last: each whether it is a number or one after i, and the number."""
    assert isinstance(one.over, Band)
    first, last = one.over.a[0], one.over.b[0]
    low = [((True, j), (False, m - j)) for j in range(first, SIDE)]
    high = [((False, m - k), (True, k)) for k in range(last, m + 1)]
    yield from sorted([*low, *high], key=lambda pair: max(n for known, n in pair if not known))


class _Tiles(Totals):
    """Totals by monomial and part: number m·PARTS + part."""

    count = SIDE * PARTS

    def totals_of_four(self, backward: bool) -> list[str]:
        """The far parts."""
        emit = self.code.emit
        tiles = emit(f"sub i64 {emit(f'lshr i64 {self.i}, 2')}, 1")

        def tile(n: str) -> None:
            turn = emit(f"sub i64 {tiles}, {n}") if backward else emit(f"add i64 {n}, 1")
            j = emit(f"shl i64 {turn}, 2")
            self._tile(j, emit(f"sub i64 {self.i}, {j}"))

        self.turns(tiles, tile)
        return [self.added(self.totals[PARTS * m : PARTS * (m + 1)]) for m in range(SIDE)]

    def _tile(self, j: str, k: str) -> None:
        """Sixteen products of a_j … a_{j+3} and b_{k−3} … b_{k+3}."""
        a = [self._read(self.one.a, j, q) for q in range(SIDE)]
        b = {n: self._read(self.one.b, k, n) for n in range(1 - SIDE, SIDE)}
        for q in range(SIDE):
            for m in range(SIDE):
                which = PARTS * m + q % PARTS
                self.totals[which] = self.v.madd(a[q], b[m - q], self.totals[which])

    def _read(self, slot: int, base: str, n: int) -> str:
        here = self.memory.at(slot, base)
        place = self.code.emit(f"getelementptr i8, ptr {here}, i64 {n * self.memory.stride(self.one.dtype)}")
        return self.memory.read(place, self.one.dtype)
