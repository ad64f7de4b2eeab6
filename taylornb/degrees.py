"""Which coefficients can be non-zero, and which are needed, in one variable, where a set of degrees is a whole number?

The same as `presence` finds in several variables; with a bit for each degree, the pairs of a sum are one operation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .graph import Node
from .recurrence import Term

if TYPE_CHECKING:
    from .presence import Flags, Presence


class Degrees:
    """The sets of the nodes of a `Presence`.

    Attributes:
        present: For each node, bit d where degree d can be non-zero.
        mirrored: The same with bit order − d.
        needed: Bit d where it is asked for.
        products: How many pairs all sums have together.
    """

    def __init__(self, presence: Presence, outputs: list[Node]) -> None:
        self.presence, self.order = presence, presence.basis.order
        self.present = dict.fromkeys(presence.nodes, 0)
        self.mirrored = dict.fromkeys(presence.nodes, 0)
        self.needed = dict.fromkeys(presence.nodes, 0)
        self.products = 0
        self._given = {node: self._projected(node) for node in presence.nodes}
        for degree in range(self.order + 1):
            for node in presence.nodes:
                if degree <= presence.highest[node] and self._there(node, degree):
                    self.present[node] |= 1 << degree
                    self.mirrored[node] |= 1 << (self.order - degree)
        for node in outputs:
            self.needed[node] = self.present[node]
        for degree in range(self.order, 0, -1):
            for node in reversed(presence.nodes):
                if self.needed[node] >> degree & 1:
                    self._ask(node, degree)

    def flags(self, sets: dict[Node, int]) -> dict[Node, Flags]:
        """Sets as arrays of truth values."""
        size = self.order + 1
        return {
            node: np.unpackbits(np.frombuffer(bits.to_bytes(size // 8 + 1, "little"), np.uint8), bitorder="little")[:size] == 1
            for node, bits in sets.items()
        }

    def _projected(self, node: Node) -> int:
        """What an input has, or a projection lets through; −1 is everything."""
        if node in self.presence.inputs:
            return sum(1 << i for i in self.presence.inputs[node][1].support.monomials)
        if not self.presence.projects(node):
            return -1
        return sum(1 << int(i) for i in np.flatnonzero(self.presence.retained(node)))

    def _there(self, node: Node, degree: int) -> bool:
        if not self._given[node] >> degree & 1:
            return False
        if node in self.presence.inputs:
            return True
        if node.op.kind == "linear":
            return any(self.present.get(arg, 1) >> degree & 1 for arg in self.presence.sources(node))
        start, terms = self.presence.recurrences[node].start, self.presence.recurrences[node].terms
        if degree == 0 or (start is not None and self.present.get(start, 1) >> degree & 1):
            return True
        return any(self._firsts(term, degree) for term in terms)

    def _firsts(self, term: Term, degree: int) -> int:
        """The degrees of the first factor in the pairs of a sum."""
        mirrored = self.mirrored.get(term.b, 1 << self.order) & ~(term.last << self.order)
        return self.present.get(term.a, 1) & ~term.first & (mirrored >> (self.order - degree))

    def _seconds(self, term: Term, degree: int) -> int:
        mirrored = self.mirrored.get(term.a, 1 << self.order) & ~(term.first << self.order)
        return self.present.get(term.b, 1) & ~term.last & (mirrored >> (self.order - degree))

    def _ask(self, node: Node, degree: int) -> None:
        if node in self.presence.inputs:
            return
        if node.op.kind == "linear":
            self._need(self.presence.sources(node), 1 << degree)
            return
        start, terms = self.presence.recurrences[node].start, self.presence.recurrences[node].terms
        self._need([start] if start is not None else [], 1 << degree)
        for term in terms:
            firsts = self._firsts(term, degree)
            count = firsts.bit_count()
            self.products += (count + 1) // 2 if term.a is term.b else count
            self._need([term.a], firsts)
            self._need([term.b], self._seconds(term, degree) if firsts else 0)

    def _need(self, nodes: list[Node], degrees: int) -> None:
        for node in nodes:
            if node in self.needed:
                self.needed[node] |= degrees & self.present[node]
