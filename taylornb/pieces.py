"""How is a recurrence summed in loops: which of its pairs are few and stand in line, and which are a loop of their own?"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .basis import Basis
from .graph import Node
from .presence import Flags, Indices, Presence
from .recurrence import Recurrence, Term
from .rolled import GROUPS, SIDE, UNROLL, Band, Runs, Table, packed
from .runs import Order, ordered, whole

FEW = 4  # so many coefficients of a factor stand in line, each times a coefficient of the other
ZERO = Fraction(0)


class Piece(NamedTuple):
    """Σ weight·a_j·b_k over j + k = i, the weight of a pair being left·deg j + right·deg k + constant.

    Like products of the terms of a recurrence are one piece: their weights nearly cancel in x^r where r is nearly whole.
    """

    a: Node
    b: Node
    first: int
    last: int
    left: Fraction = ZERO
    right: Fraction = ZERO
    constant: Fraction = ZERO
    half: bool = False

    @property
    def settled(self) -> Piece:
        """The same where left and right are equal: divided by the degree of i, the weight is a number."""
        if self.left != self.right or self.constant:
            return self
        half = self.a is self.b
        return self._replace(left=ZERO, right=ZERO, constant=self.left, half=half)


class Expansion(NamedTuple):
    """A recurrence as pieces.

    Attributes:
        full: The products a_0·b_i with the weight of the whole degree: (scale, a, b).
        plain: The pieces of constant weight.
        weighed: The pieces whose sum is to be divided by the degree of i.
    """

    full: tuple[tuple[Fraction, Node, Node], ...]
    plain: tuple[Piece, ...]
    weighed: tuple[Piece, ...]


def expansion(recurrence: Recurrence) -> Expansion:
    """The pieces of a recurrence."""
    full = tuple((term.scale, term.a, term.b) for term in recurrence.terms if term.by_degree and not term.first)
    plain = [Piece(t.a, t.b, t.first, t.last, constant=t.scale, half=t.square) for t in recurrence.terms if not t.by_degree]
    merged: dict[tuple[Node, Node], Piece] = {}
    for term in recurrence.terms:
        if term.by_degree:
            _merge(merged, term)
    pieces = [piece.settled for piece in merged.values()]
    return Expansion(full, (*plain, *(p for p in pieces if p.constant)), tuple(p for p in pieces if not p.constant))


def _merge(pieces: dict[tuple[Node, Node], Piece], term: Term) -> None:
    a, b = term.a, term.b
    if a is b:  # every product stands twice, weighed once by the degree of either factor
        found = pieces.get((a, b), Piece(a, b, 1, 1))
        pieces[a, b] = found._replace(left=found.left + term.scale / 2, right=found.right + term.scale / 2)
    elif (b, a) in pieces:
        pieces[b, a] = pieces[b, a]._replace(left=pieces[b, a].left + term.scale)
    else:
        found = pieces.get((a, b), Piece(a, b, 1, 1))
        pieces[a, b] = found._replace(right=found.right + term.scale)


class Line(NamedTuple):
    """Products that stand in line: the coefficient `at` of one factor times the one so many back of the other.

    Attributes:
        known: Which factor is the former, "a" or "b".
        at: Its coefficients; as many back is the other.
    """

    known: str
    at: tuple[int, ...]


class Shape(NamedTuple):
    """The pairs of a piece, None where there are none, and how many products they are."""

    pairs: Line | Band | Table | Runs | None
    products: int


def shape(piece: Piece, presence: Presence, wanted: Flags, early: int, coming: tuple[bool, bool] | None) -> Shape:
    """The pairs of a piece for the wanted monomials.

    Args:
        piece: The piece.
        presence: Which coefficients there are.
        wanted: The monomials i.
        early: The monomials before this one are done before the loops.
        coming: Whether the coefficients of each factor come in the same loop; None lists all pairs of several variables.
    """
    i, j, k = presence.selected(piece, wanted)
    count, size = int(wanted.sum()), len(wanted)
    if not len(i):
        return Shape(None, 0)
    one = len(presence.basis.variables) == 1
    for known, places in (("a", j), ("b", k)):
        at = np.flatnonzero(np.bincount(places))
        near = at[-1] < early if one else at[-1] == 0
        if near and len(at) <= FEW and len(at) * count == len(i):
            return Shape(Line(known, tuple(int(n) for n in at)), len(i))
    products = int((j <= k).sum()) if piece.half else len(i)
    band = _band(j, k) if one else None
    if band is not None and _count(band, np.flatnonzero(wanted)) == len(i):
        return Shape(band, products)
    if one:
        return Shape(_table(i, j, k, size, piece.half), products)
    whole_runs = bool(wanted[1:].all()) and not piece.left  # of all monomials, without weights
    return Shape(_in_several(presence.basis, (i, j, k), piece.half, coming if whole_runs else None), products)


def _band(j: Indices, k: Indices) -> Band:
    return Band((int(j.min()), int(j.max())), (int(k.min()), int(k.max())))


def _count(band: Band, i: NDArray[Any]) -> int:
    """How many pairs a band has."""
    lengths = np.minimum(band.a[1], i - band.b[0]) - np.maximum(band.a[0], i - band.b[1]) + 1
    return int(np.maximum(lengths, 0).sum())


def _in_several(
    basis: Basis, pairs: tuple[Indices, Indices, Indices], half: bool, coming: tuple[bool, bool] | None
) -> Table | Runs:
    """Pairs in several variables by the places of their monomials: by runs where that gains, listed where `coming` is None."""
    order = ordered(basis)
    by_place = np.argsort(order.place[pairs[0]], kind="stable")
    i, j, k = (column[by_place] for column in pairs)
    x, y, z = (order.place[column] for column in (i, j, k))
    later = y < z if half else np.ones(len(i), dtype=bool)
    found = None if coming is None else whole(basis, (i[later], j[later], k[later]), coming)
    if found is None:
        return _table(x, y, z, basis.size, half)
    runs, taken = found
    left = np.ones(len(i), dtype=bool)
    left[np.flatnonzero(later)[taken]] = False
    return _runs(order, runs, _table(x[left], y[left], z[left], basis.size, half))


def _runs(order: Order, runs: NDArray[Any], rest: Table) -> Runs:
    """Pairs of runs, as (run of i, run of j, run of k), and the pairs that are left."""
    targets, size = runs[0], len(order.place)
    own = np.repeat(np.arange(len(order.start)), order.length)  # the run of each place
    inner = np.arange(size) - order.start[own]
    tile = np.where(inner % SIDE == 0, np.minimum(SIDE, order.length[own] - inner), 0)
    tile[:2] = 0, SIDE if order.length[0] > 1 else 0  # the first place is a value; what follows it has no pairs of runs
    counts = np.bincount(targets, minlength=len(order.start))
    groups = np.array(GROUPS)[1 + (order.length - 1) % SIDE]  # of the last tile of a run, which takes most pairs at a time
    ends = np.concatenate(([0], np.cumsum(-(-counts // groups) * groups)))
    pairs = np.full((ends[-1], 2), size)  # filled up with runs of zeros
    pairs[ends[targets] + np.arange(len(targets)) - (np.cumsum(counts) - counts)[targets]] = order.start[runs[1:]].T
    return Runs(packed(tile, "u1"), packed(inner), packed(ends[own], "<u4"), packed(ends[own + 1], "<u4"), packed(pairs), rest)


def _table(i: Indices, j: Indices, k: Indices, size: int, half: bool) -> Table:
    middle = np.full(size, size)
    if half:
        same = j == k
        middle[i[same]] = j[same]
        i, j, k = (column[j < k] for column in (i, j, k))
    counts = np.bincount(i, minlength=size)
    start = np.concatenate(([0], np.cumsum(-(-counts // UNROLL) * UNROLL)))
    pairs = np.full((start[-1], 2), size)
    place = start[i] + np.arange(len(i)) - (np.cumsum(counts) - counts)[i]
    pairs[place] = np.stack((j, k), axis=1)
    return Table(packed(start, "<u4"), packed(pairs), packed(middle))


def components(nodes: Sequence[Node], needs: dict[Node, list[Node]]) -> list[list[Node]]:
    """The nodes in groups that need each other (Tarjan), each group after all that it needs."""
    number: dict[Node, int] = {}
    low: dict[Node, int] = {}
    stack: list[Node] = []
    found: list[list[Node]] = []
    done = set[Node]()
    for root in nodes:
        work = [(root, iter(needs[root]))] if root not in number else []
        if work:
            number[root] = low[root] = len(number)
            stack.append(root)
        while work:
            node, rest = work[-1]
            for other in rest:
                if other not in number:
                    number[other] = low[other] = len(number)
                    stack.append(other)
                    work.append((other, iter(needs[other])))
                    break
                if other not in done:
                    low[node] = min(low[node], number[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    group = stack[stack.index(node) :]
                    del stack[stack.index(node) :]
                    done.update(group)
                    found.append(sorted(group, key=lambda one: one.number))
    return found
