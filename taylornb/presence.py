"""Which coefficients of which nodes can be non-zero, and which of them do the outputs need?

The answers are those that `Series` finds one coefficient after the other, found here for whole degrees at once: upward what
can be non-zero, downward what is asked for. A pair of monomials takes part in a sum only if both its coefficients are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from heapq import heappop, heappush
from math import comb
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .basis import Basis
from .degrees import Degrees
from .graph import Node
from .operand import Spec
from .recurrence import Recurrences

Flags = NDArray[np.bool_]
Indices = NDArray[np.signedinteger[Any]]
SOLVED = frozenset(("bilinear", "quotient", "equation"))


class Factors(Protocol):
    """A sum of products a_j·b_k."""

    @property
    def a(self) -> Node:
        """The first factor."""

    @property
    def b(self) -> Node:
        """The second."""

    @property
    def first(self) -> int:
        """The least degree of j."""

    @property
    def last(self) -> int:
        """The least degree of k."""


class Pairs(NamedTuple):
    """Every (j, k) whose monomials multiply to a monomial i of the basis, by i and then by j.

    Attributes:
        i, j, k: The monomials, one entry for each pair.
        start: Where the pairs of each i begin, and the end.
    """

    i: Indices
    j: Indices
    k: Indices
    start: Indices


@lru_cache(maxsize=4)
def pairs(basis: Basis) -> Pairs:
    """The terms of a product of two full series."""
    # A monomial stands behind all of lower degree, and in its degree behind those with less in the later variables; both
    # are numbers of monomials in fewer variables: its place is Σ_v C(s_v − 1 + m − v, m − v), s_v the degree in v, v + 1, …
    count = len(basis.variables)
    later = np.cumsum(basis.exponents[:, ::-1], axis=1)[:, ::-1]
    degrees = later[:, 0]
    partners = np.searchsorted(degrees, basis.order - degrees, side="right")
    j = np.repeat(np.arange(basis.size, dtype=np.int32), partners)
    k = np.arange(len(j), dtype=np.int32) - np.repeat((np.cumsum(partners) - partners).astype(np.int32), partners)
    i = np.zeros(len(j), dtype=np.int32)
    for v in range(count):
        before = np.array([comb(s - 1 + count - v, count - v) if s else 0 for s in range(basis.order + 1)], np.int32)
        i += before[later[j, v] + later[k, v]]
    order = np.argsort(i, kind="stable")
    start = np.searchsorted(i[order], np.arange(basis.size + 1))
    return Pairs(i[order], j[order], k[order], start)


class Presence:
    """The coefficients of the nodes that something above a value is needed of.

    Attributes:
        nodes: Those nodes, arguments before users.
        present: For each, whether each coefficient can be non-zero.
        needed: For each, whether each coefficient is asked for; the value always may be.
        products: How many pairs all sums have together.
    """

    def __init__(
        self, recurrences: Recurrences, basis: Basis, inputs: Mapping[Node, tuple[int, Spec]], outputs: Sequence[Node]
    ) -> None:
        self.recurrences, self.basis, self.inputs = recurrences, basis, inputs
        self._moving: dict[Node, bool] = {}
        self._kept: dict[Any, Flags] = {}
        self.highest = self._reach(outputs)
        self.nodes = sorted(self.highest, key=lambda node: node.number)
        self._value: Flags = np.arange(basis.size) == 0
        self._ends = np.searchsorted(basis.degrees, np.arange(basis.order + 2))
        self.products = 0
        wanted = [node for node in dict.fromkeys(outputs) if node in self.highest]
        if len(basis.variables) == 1:
            found = Degrees(self, wanted)
            self.present, self.needed = found.flags(found.present), found.flags(found.needed)
            self.products = found.products
        else:
            self.present = {node: np.zeros(basis.size, dtype=bool) for node in self.nodes}
            self.needed = {node: np.zeros(basis.size, dtype=bool) for node in self.nodes}
            self._find(wanted)

    def _find(self, wanted: Sequence[Node]) -> None:
        for degree in range(self.basis.order + 1):
            for node in self.nodes:
                self._fill(node, degree)
        for node in wanted:
            self.needed[node] |= self.present[node]
        for degree in range(self.basis.order, 0, -1):
            for node in reversed(self.nodes):
                self._ask(node, degree)

    def of(self, node: Node) -> Flags:
        """Which coefficients can be non-zero, also of a node that only the value is needed of."""
        return self.present.get(node, self._value)

    def factors(self, term: Factors) -> tuple[Flags, Flags]:
        """Which coefficients of the two factors a sum takes."""
        a, b = self.of(term.a), self.of(term.b)
        return np.greater(a, self._value) if term.first else a, np.greater(b, self._value) if term.last else b

    def retained(self, node: Node) -> Flags:
        """Which coefficients a projection lets through."""
        op, key = node.op, (node.op, node.params)
        if key not in self._kept:
            assert op.retains is not None
            self._kept[key] = np.array([op.retains(self.basis, i, *node.params) for i in range(self.basis.size)], dtype=bool)
        return self._kept[key]

    def projects(self, node: Node) -> bool:
        """Whether the node drops coefficients."""
        return node.op.retains is not None and node.series

    def sources(self, node: Node) -> list[Node]:
        """The nodes that a linear node takes its coefficients from."""
        return [node.args[node.op.heir]] if node.op.heir is not None else node.op.numeric(node.args)

    # ---- which nodes, up to which degree -----------------------------------------------------------

    def _reach(self, outputs: Sequence[Node]) -> dict[Node, int]:
        """The highest degree needed of each node; a rate is needed of one degree less, so that chains of rates end."""
        found: dict[Node, int] = {}
        waiting: list[tuple[int, int, Node]] = []
        self._offer(waiting, ((node, self.basis.order) for node in outputs))
        while waiting:
            minus, _, node = heappop(waiting)
            if node not in found:
                found[node] = -minus
                self._offer(waiting, self._asks(node, -minus))
        return found

    def _offer(self, waiting: list[tuple[int, int, Node]], asked: Iterator[tuple[Node, int]]) -> None:
        for node, degree in asked:
            if degree > 0 and self._moves(node):
                heappush(waiting, (-degree, node.number, node))

    def _asks(self, node: Node, degree: int) -> Iterator[tuple[Node, int]]:
        if node in self.inputs:
            return
        if node.op.kind == "linear":
            if self.projects(node):
                kept = np.flatnonzero(self.retained(node))
                degree = min(degree, max((self.basis.degrees[i] for i in kept), default=0))
            yield from ((arg, degree) for arg in self.sources(node))
        if node.op.kind in SOLVED:
            recurrence = self.recurrences[node]
            if recurrence.start is not None:
                yield recurrence.start, degree
            for term in recurrence.terms:
                yield term.a, degree - term.last
                yield term.b, degree - term.first

    def _moves(self, node: Node) -> bool:
        """Whether anything above the value may be there, before it is known what."""
        waiting = [node]
        while waiting:
            one = waiting[-1]
            asked = [] if one.constant or one in self.inputs or one.op.kind == "constant" else self._carriers(one)
            missing = [arg for arg in asked if arg not in self._moving]
            if missing and one not in self._moving:
                waiting += missing
                continue
            waiting.pop()
            if one in self.inputs:
                self._moving[one] = not self.inputs[one][1].support.is_constant
            else:
                self._moving[one] = any(self._moving[arg] for arg in asked)
        return self._moving[node]

    def _carriers(self, node: Node) -> Sequence[Node]:
        if self.projects(node) and not self.retained(node)[1:].any():
            return ()
        return self.sources(node) if node.op.kind == "linear" else node.args

    # ---- upward: what can be non-zero --------------------------------------------------------------

    def _fill(self, node: Node, degree: int) -> None:
        if degree > self.highest[node]:
            return
        part = slice(self._ends[degree], self._ends[degree + 1])
        if node in self.inputs:
            found = np.array(self.inputs[node][1].support.monomials, dtype=np.int64)
            self.present[node][found[(found >= part.start) & (found < part.stop)]] = True
        elif node.op.kind == "linear":
            flags = np.logical_or.reduce([self.of(arg)[part] for arg in self.sources(node)])
            self.present[node][part] = flags & self.retained(node)[part] if self.projects(node) else flags
        else:
            self.present[node][part] = degree == 0 or self._solved(node, part)

    def _solved(self, node: Node, part: slice) -> Flags:
        start, terms = self.recurrences[node].start, self.recurrences[node].terms
        flags = self.of(start)[part].copy() if start is not None else np.zeros(part.stop - part.start, dtype=bool)
        all_pairs = pairs(self.basis)
        begin = all_pairs.start[part]
        for term in terms:
            a, b = self.factors(term)
            if a.any() and b.any():
                span = slice(begin[0], all_pairs.start[part.stop])
                flags |= np.logical_or.reduceat(a[all_pairs.j[span]] & b[all_pairs.k[span]], begin - begin[0])
        return flags

    # ---- downward: what is asked for ---------------------------------------------------------------

    def _ask(self, node: Node, degree: int) -> None:
        part = slice(self._ends[degree], self._ends[degree + 1])
        wanted = self.needed[node][part]
        if degree > self.highest[node] or node in self.inputs or not wanted.any():
            return
        start = self.recurrences[node].start if node.op.kind in SOLVED else None
        for arg in self.sources(node) if node.op.kind == "linear" else [start] if start is not None else []:
            if arg in self.needed:
                self.needed[arg][part] |= wanted & self.present[arg][part]
        for term in self.recurrences[node].terms if node.op.kind in SOLVED else ():
            _, j, k = self.selected(term, self.needed[node], part)
            self.products += (len(j) + 1) // 2 if term.a is term.b else len(j)
            for factor, taken in ((term.a, j), (term.b, k)):
                if factor in self.needed:
                    self.needed[factor][taken] = True

    def selected(self, term: Factors, wanted: Flags, part: slice = slice(0, None)) -> tuple[Indices, Indices, Indices]:
        """The (i, j, k) of a sum, for the wanted i in a part of the monomials."""
        a, b = self.factors(term)
        found = pairs(self.basis)
        if not a.any() or not b.any():
            return (found.i[:0],) * 3
        start, stop, _ = part.indices(self.basis.size)
        span = slice(found.start[start], found.start[stop])
        hits = a[found.j[span]]
        hits &= b[found.k[span]]
        if not wanted[part].all():
            hits &= wanted[found.i[span]]
        chosen = np.flatnonzero(hits) + span.start
        return found.i[chosen], found.j[chosen], found.k[chosen]
