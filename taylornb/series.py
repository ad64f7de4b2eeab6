"""Coefficients on demand: coefficient i of a node from the coefficients of its arguments.

This is the one interpreter of the rules. Each rule is a generator that yields the (node, i) it needs and is
sent the scalar: what is never asked for is never computed, so what stands above a ⊥ costs its value only,
and a deep graph does not exhaust Python's stack.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from .basis import Basis
from .graph import Dtype, Node, promote
from .number import number
from .operand import Spec
from .program import Operand, Output, Program, Scalar, Scalars, Store, Writer
from .recurrence import Recurrences, Term
from .rules import literal
from .support import Support
from .trace import Tracing

Rule = Generator[tuple[Node, int], Scalar, Scalar]
DOUBLE = np.dtype(np.float64)


class Series:
    """The coefficients of the nodes of one graph, as scalars of one writer."""

    def __init__(self, graph: Tracing, basis: Basis, inputs: Mapping[Node, tuple[int, Spec]]) -> None:
        self.graph, self.basis, self.inputs, self.writer = graph, basis, inputs, Writer()
        self.recurrences = Recurrences(graph)
        self._known: dict[tuple[Node, int], Scalar] = {}
        self._splits: dict[int, list[tuple[int, int]]] = {}

    def coefficient(self, node: Node, i: int) -> Scalar:
        """Coefficient i of the node; None where it is structurally zero."""
        if (node, i) in self._known:
            return self._known[node, i]
        stack = [((node, i), self._rule(node, i))]
        answer: Scalar = None
        while stack:
            key, rule = stack[-1]
            try:
                wanted = rule.send(answer)
            except StopIteration as done:
                answer = self._known[key] = done.value
                stack.pop()
                continue
            answer = self._known.get(wanted)
            if answer is None and wanted not in self._known:
                stack.append((wanted, self._rule(*wanted)))
        return answer

    def scalars(self, node: Node) -> Scalars:
        """Arithmetic in the dtype of the node; a comparison is made in the dtype of what it compares."""
        if not node.op.boolean:
            return Scalars(self.writer, node.dtype or DOUBLE)
        dtype = promote(arg.dtype for arg in node.args)
        truths = all(arg.dtype is not None and arg.dtype.kind == "b" for arg in node.args)
        return Scalars(self.writer, np.dtype(bool) if truths else dtype or DOUBLE)

    # ---- the rules -----------------------------------------------------------------------------------

    def _rule(self, node: Node, i: int) -> Rule:
        if node in self.inputs:
            return self._input(node, i)
        rule: Callable[[Node, int], Rule] = getattr(self, "_" + node.op.kind)
        return rule(node, i)

    def _input(self, node: Node, i: int) -> Rule:
        slot, spec = self.inputs[node]
        if i in spec.support.row:
            return self.writer.emit("load", (), spec.dtype or DOUBLE, (slot, spec.support.row[i]))
        return Fraction(1) if i in spec.support.units else None
        yield

    def _leaf(self, node: Node, i: int) -> Rule:
        assert node.op is literal
        return node.params[0] if i == 0 else None  # type: ignore[return-value]
        yield

    def _constant(self, node: Node, i: int) -> Rule:
        if i:
            return None
        values = yield from _values(node)
        return self._body(node, values)

    def _linear(self, node: Node, i: int) -> Rule:
        op = node.op
        if op.retains is not None and (node.series or i == 0) and not op.retains(self.basis, i, *node.params):
            return None
        if op.heir is not None:
            return (yield node.args[op.heir if i else 0], i)
        parts = []
        for position, arg in enumerate(node.args):
            parts.append((yield arg, 0 if position in op.by_value else i))
        return None if all(part is None for part in op.numeric(parts)) else self._body(node, parts)

    def _bilinear(self, node: Node, i: int) -> Rule:
        (term,) = self.recurrences[node].terms
        m = self.scalars(node)
        total = Halved(m) if term.square else Total(m)
        yield from self._pairs(term, i, total.add)
        return total.result()

    def _quotient(self, node: Node, i: int) -> Rule:
        (term,), start, divisor, *_ = self.recurrences[node]
        assert start is not None
        assert divisor is not None
        m = self.scalars(node)
        total = Total(m, (yield start, i))
        bottom = yield divisor, 0
        if i == 0:
            return m.divide(Fraction(0) if total.sum is None else total.sum, bottom)
        yield from self._pairs(term, i, total.add)
        return m.multiply(total.sum, m.divide(Fraction(1), bottom))

    def _equation(self, node: Node, i: int) -> Rule:
        if i == 0:
            return (yield from self._value(node))
        terms, _, divisor, scale, _ = self.recurrences[node]
        assert divisor is not None
        m, products = self.scalars(node), Products()
        for term in terms:
            yield from self._pairs(term, i, products.add)
        degree, bottom = self.basis.degrees[i], (yield divisor, 0)
        if isinstance(bottom, Fraction) and bottom:
            return self._sum(m, products, degree * scale * bottom)
        per = m.multiply(scale, bottom)
        if node.op.direct:
            return self._divided(m, products, degree, per)
        return m.multiply(self._sum(m, products, Fraction(degree)), m.divide(Fraction(1), per))

    def _value(self, node: Node) -> Rule:
        if node.op.value is not None:
            return (yield self.graph.lift(node.op.value(*self.recurrences.tracers(node.args), *node.params)), 0)
        values = yield from _values(node)
        return self.scalars(node).call(node.op.name, *values, *map(number, node.params))

    def _pairs(self, term: Term, i: int, add: Add) -> Generator[tuple[Node, int], Scalar, None]:
        """Hand every product of the sum to `add`, with its weight; `full` marks one with the value of a."""
        degrees = self.basis.degrees
        for j, k in self._split(i):
            if degrees[j] < term.first or degrees[k] < term.last or (term.square and j > k):
                continue
            asked, other = ((term.a, j), (term.b, k)) if term.lead == "a" else ((term.b, k), (term.a, j))
            lead = yield asked
            factor = (yield other) if lead is not None else None
            if lead is not None and factor is not None:
                add(term.weight(degrees[k]) * (1 + (term.square and j < k)), lead, factor, full=not j)

    @staticmethod
    def _sum(m: Scalars, products: Products, degree: Fraction) -> Scalar:
        """The products over the degree (and what stands with it).

        The term that carries the whole degree needs no factor, so that y_i = x_i is exact; a single other term takes
        it into its weight, so that it overflows no earlier than the result.
        """
        total: Scalar = None
        rest: Scalar = None
        at_once = products.merged or sum(not full for _, full in products.terms.values()) == 1
        for (a, b), (weight, full) in products.terms.items():
            if full or at_once:
                total = accumulate(m, total, weight / degree, a, b)
            else:
                rest = accumulate(m, rest, weight, a, b)
        return m.madd(total, rest, 1 / degree)

    @staticmethod
    def _divided(m: Scalars, products: Products, degree: int, per: Scalar) -> Scalar:
        """The products over degree·per, where the first factor of each is a coefficient of the result, divided first.

        In x^r the other factor is a coefficient of x: y_j/x₀ stays in range where y_j·x_k and 1/x₀ do not.
        """
        total: Scalar = None
        for (own, other), (weight, _) in products.terms.items():
            weight /= degree
            if len(products.terms) == 1:
                return m.multiply(m.divide(m.multiply(weight, own), per), other)
            total = m.madd(total, m.divide(own, per), m.multiply(weight, other)) if weight else total
        return total

    # ---- what the rules read -------------------------------------------------------------------------

    def _body(self, node: Node, parts: list[Scalar]) -> Scalar:
        assert node.op.body is not None
        result: Scalar = node.op.body(self.scalars(node), *parts, *node.params)
        return result

    def _split(self, i: int) -> list[tuple[int, int]]:
        if i not in self._splits:
            self._splits[i] = self.basis.splits(i)
        return self._splits[i]


class Add(Protocol):
    """What takes the products of a sum."""

    def __call__(self, weight: Fraction, lead: Operand, factor: Operand, full: bool) -> None:
        """Add weight·lead·factor; `full` marks a product with the value of a."""


class Total:
    """A sum of products with weights 1 and −1, added as they come."""

    def __init__(self, m: Scalars, start: Scalar = None) -> None:
        self.m, self.sum = m, start

    def add(self, weight: Fraction, lead: Operand, factor: Operand, full: bool) -> None:
        """Add weight·lead·factor."""
        self.sum = (self.m.madd if weight > 0 else self.m.msub)(self.sum, lead, factor)

    def result(self) -> Scalar:
        """The sum."""
        return self.sum


class Halved(Total):
    """The sum of a square: each of the products that stand twice is given once, and doubled in the end."""

    middle: Scalar = None

    def add(self, weight: Fraction, lead: Operand, factor: Operand, full: bool) -> None:
        """Add the product, which has weight 2, or keep the factor of a square."""
        if weight == 1:
            self.middle = lead
        else:
            super().add(weight, lead, factor, full)

    def result(self) -> Scalar:
        """The sum."""
        return self.m.madd(self.m.multiply(Fraction(2), self.sum), self.middle, self.middle)


class Products:
    """A sum of weighted products in which like products are one.

    In x^r the products r·j·x_j·y_k and −(k)·x_j·y_k nearly cancel where r is nearly a whole number; as one
    number times x_j·y_k they do not.
    """

    def __init__(self) -> None:
        self.terms: dict[tuple[Any, Any], tuple[Fraction, bool]] = {}
        self.merged = False

    def add(self, weight: Fraction, lead: Operand, factor: Operand, full: bool) -> None:
        """Add weight·factor·lead; `full` marks a term whose weight is the whole degree times its scale."""
        key = (lead, factor) if (lead, factor) in self.terms else (factor, lead)
        if key in self.terms:
            weight, self.merged = weight + self.terms[key][0], True
        self.terms[key] = (weight, full)


def _values(node: Node) -> Generator[tuple[Node, int], Scalar, list[Scalar]]:
    values: list[Scalar] = []
    for arg in node.args:
        value = yield arg, 0
        values.append(value)
    return values


def write(
    graph: Tracing, nodes: Sequence[Node], inputs: Mapping[Node, tuple[int, Spec]], basis: Basis, by_node: bool = False
) -> Program:
    """The program that computes every coefficient of the nodes from the inputs, each a (slot, what is known of it).

    Args:
        graph: The graph.
        nodes: What is computed.
        inputs: What is known.
        basis: Of the series.
        by_node: Whether all coefficients of a node come before those of the next, so that fewer numbers are in use at once;
            otherwise all that a coefficient of the results needs comes before it.
    """
    series = _by_node(graph, nodes, inputs, basis) if by_node else Series(graph, basis, inputs)
    stores: list[Store] = []
    outputs: list[Output] = []
    for place, node in enumerate(nodes):
        with graph.open():
            found = {i: series.coefficient(node, i) for i in range(1 if node.constant else basis.size)}
        found[0] = Fraction(0) if found[0] is None else found[0]
        units = tuple(i for i, scalar in found.items() if i and scalar == 1 and isinstance(scalar, Fraction))
        support = Support.packed((i for i, scalar in found.items() if scalar is not None and i not in units), units)
        stores += [Store(place, row, found[i]) for i, row in support.rows]  # type: ignore[arg-type]
        outputs.append(Output(support, output_dtype(node)))
    return series.writer.program(stores, outputs)


def _by_node(graph: Tracing, nodes: Sequence[Node], inputs: Mapping[Node, tuple[int, Spec]], basis: Basis) -> Series:
    """What is needed of each node, asked for one node after the other: in the order in which the first slopes are known."""
    asked, series = Series(graph, basis, inputs), Series(graph, basis, inputs)
    with graph.open():
        for node in nodes:
            for i in range(1 if node.constant else basis.size):
                asked.coefficient(node, i)
        needed: dict[Node, list[int]] = {}
        for node, i in asked._known:
            needed.setdefault(node, []).append(i)
        place = {key: n for n, key in enumerate(asked._known)}
        for node, own in sorted(needed.items(), key=lambda item: place[item[0], sorted(item[1])[:2][-1]]):
            for i in sorted(own):
                series.coefficient(node, i)
    return series


def output_dtype(node: Node) -> Dtype:
    """The dtype of a result: Python numbers alone make float64."""
    return node.dtype or DOUBLE


def accumulate(m: Scalars, total: Scalar, weight: Fraction, a: Scalar, b: Scalar) -> Scalar:
    """The total with weight·a·b added."""
    if total is None or not weight:
        return m.multiply(a, m.multiply(weight, b)) if weight else total
    if weight < 0:
        return m.msub(total, a, m.multiply(-weight, b))
    return m.madd(total, a, m.multiply(weight, b))
