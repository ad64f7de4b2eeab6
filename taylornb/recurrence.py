"""Which sums over lower degrees give the coefficients of a node: its rule, without a word on how the sums are written.

    y_i = (start_i + Σ_terms Σ_{j+k=i} weight·a_j·b_k) / divisor

This is the one place where a product, a quotient or an equation per·Dy = Σ rate·Dx becomes sums. They are expanded pair by
pair where every coefficient is a name of its own (`series`), and as loops where they are too many for that (`rolled`).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

from .graph import Node
from .rules import literal
from .trace import Tracer, Tracing


class Term(NamedTuple):
    """A sum of weighted products a_j·b_k over the pairs of monomials j·k = i.

    Attributes:
        a, b: The factors.
        scale: The weight of a pair; times the degree of k where `by_degree`.
        by_degree: Whether b is differentiated by D.
        first, last: The least degrees of j and of k: 1 where the pair with the value itself has no part in the sum.
        lead: The factor that is asked for first: where that is zero, the other need not be known.
    """

    a: Node
    b: Node
    scale: Fraction = Fraction(1)
    by_degree: bool = False
    first: int = 0
    last: int = 0
    lead: Literal["a", "b"] = "a"

    def weight(self, degree: int) -> Fraction:
        """The weight of a pair whose b_k has this degree."""
        return self.scale * degree if self.by_degree else self.scale

    @property
    def square(self) -> bool:
        """Whether every product stands twice, as a_j·a_k and as a_k·a_j."""
        return self.a is self.b and not self.by_degree


class Recurrence(NamedTuple):
    """How the coefficients of a node above its value come from others.

    Attributes:
        terms: The sums.
        start: What is added to them, coefficient by coefficient.
        divisor: The node whose value the sum is divided by; None if it is not.
        scale: A number that multiplies the divisor.
        by_degree: Whether the degree of i multiplies the divisor.
    """

    terms: tuple[Term, ...]
    start: Node | None = None
    divisor: Node | None = None
    scale: Fraction = Fraction(1)
    by_degree: bool = False


class Recurrences:
    """The recurrences of the nodes of one graph, each found once. Finding one adds the nodes of its equation to the graph."""

    def __init__(self, graph: Tracing) -> None:
        self.graph = graph
        self._known: dict[Node, Recurrence] = {}

    def __getitem__(self, node: Node) -> Recurrence:
        if node not in self._known:
            self._known[node] = getattr(self, "_" + node.op.kind)(node)
        return self._known[node]

    def _bilinear(self, node: Node) -> Recurrence:
        a, b = node.args
        return Recurrence((Term(a, b),))

    def _quotient(self, node: Node) -> Recurrence:
        a, b = node.args
        return Recurrence((Term(b, node, Fraction(-1), first=1),), start=a, divisor=b)

    def _equation(self, node: Node) -> Recurrence:
        arguments = (*self.tracers((*node.args, node)), *node.params)
        rate, per = node.op.rate, node.op.per
        found = rate(*arguments) if rate is not None else 1
        rates = [None if r is None else scaled(self.graph.lift(r)) for r in (found if isinstance(found, tuple) else (found,))]
        per_scale, base = scaled(self.graph.lift(per(*arguments) if per else 1))
        terms = [
            Term(rate[1], arg, rate[0], by_degree=True, last=1, lead="b")
            for rate, arg in zip(rates, node.args, strict=True)
            if rate is not None
        ]
        solved = Term(base, node, -per_scale, by_degree=True, first=1, last=1)
        return Recurrence((*terms, solved), divisor=base, scale=per_scale, by_degree=True)

    def tracers(self, nodes: Sequence[Node]) -> list[Tracer]:
        """The nodes as what the functions of an op's declaration take."""
        return [Tracer(self.graph, node) for node in nodes]


def scaled(node: Node) -> tuple[Fraction, Node]:
    """A node as an exact number times a node."""
    if node.op.kind == "bilinear":
        for one, other in (node.args, node.args[::-1]):
            if one.op is literal and isinstance(one.params[0], Fraction) and one.dtype is None:
                return one.params[0], other
    if node.op.involution:
        scale, inner = scaled(node.args[0])
        return -scale, inner
    return Fraction(1), node
