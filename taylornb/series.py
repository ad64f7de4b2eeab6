"""Coefficients on demand: coefficient i of a node from the coefficients of its arguments.

This is the one interpreter of the rules. Each rule is a generator that yields the (node, i) it needs and is
sent the scalar: what is never asked for is never computed, so what stands above a ⊥ costs its value only,
and a deep graph does not exhaust Python's stack.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from .basis import Basis
from .graph import Dtype, Node, promote
from .number import number
from .operand import Spec
from .program import Output, Program, Scalar, Scalars, Store, Writer
from .rules import literal
from .support import Support
from .trace import Tracer, Tracing

Rule = Generator[tuple[Node, int], Scalar, Scalar]
DOUBLE = np.dtype(np.float64)


class Equation(NamedTuple):
    """per·Dy = Σ rate·Dx of one node, each side as a number times a node; None where there is no dependence."""

    rates: tuple[tuple[Fraction, Node] | None, ...]
    per: tuple[Fraction, Node]


class Series:
    """The coefficients of the nodes of one graph, as scalars of one writer."""

    def __init__(self, graph: Tracing, basis: Basis, inputs: Mapping[Node, tuple[int, Spec]]) -> None:
        self.graph, self.basis, self.inputs, self.writer = graph, basis, inputs, Writer()
        self._known: dict[tuple[Node, int], Scalar] = {}
        self._equations: dict[Node, Equation] = {}
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
        if op.retains is not None and node.series and not op.retains(self.basis, i, *node.params):
            return None
        if op.heir is not None:
            return (yield node.args[op.heir if i else 0], i)
        parts = []
        for position, arg in enumerate(node.args):
            parts.append((yield arg, 0 if position in op.by_value else i))
        return None if all(part is None for part in op.numeric(parts)) else self._body(node, parts)

    def _bilinear(self, node: Node, i: int) -> Rule:
        a, b = node.args
        m, total = self.scalars(node), None
        if a is b:
            return (yield from self._square(node, i))
        for j, k in self._split(i):
            left = yield a, j
            if left is not None:
                total = m.madd(total, left, (yield b, k))
        return total

    def _square(self, node: Node, i: int) -> Rule:
        a, m = node.args[0], self.scalars(node)
        doubled: Scalar = None
        middle: Scalar = None
        for j, k in self._split(i):
            left = (yield a, j) if j <= k else None
            if left is not None and j < k:
                doubled = m.madd(doubled, left, (yield a, k))
            elif left is not None:
                middle = left
        return m.madd(m.multiply(Fraction(2), doubled), middle, middle)

    def _quotient(self, node: Node, i: int) -> Rule:
        a, b = node.args
        m, total = self.scalars(node), (yield a, i)
        bottom = yield b, 0
        if i == 0:
            return m.divide(Fraction(0) if total is None else total, bottom)
        for j, k in self._split(i):
            factor = (yield b, j) if j else None
            if factor is not None:
                total = m.msub(total, factor, (yield node, k))
        return m.multiply(total, m.divide(Fraction(1), bottom))

    def _equation(self, node: Node, i: int) -> Rule:
        if i == 0:
            return (yield from self._value(node))
        m, (scale, base) = self.scalars(node), self.equation(node).per
        products = yield from self._products(node, i)
        degree, bottom = self.basis.degrees[i], (yield base, 0)
        if isinstance(bottom, Fraction) and bottom:
            return self._sum(m, products, degree * scale * bottom)
        per = m.multiply(scale, bottom)
        if node.op.direct:
            return self._divided(m, products, degree, per)
        return m.multiply(self._sum(m, products, Fraction(degree)), m.divide(Fraction(1), per))

    def _value(self, node: Node) -> Rule:
        if node.op.value is not None:
            return (yield self.graph.lift(node.op.value(*self._tracers(node.args), *node.params)), 0)
        values = yield from _values(node)
        return self.scalars(node).call(node.op.name, *values, *map(number, node.params))

    def _products(self, node: Node, i: int) -> Generator[tuple[Node, int], Scalar, Products]:
        """deg(i)·per₀·y_i as Σ weight·a·b. Like products are combined before anything is multiplied.

        In x^r the products r·j·x_j·y_k and −(k)·x_j·y_k nearly cancel where r is nearly a whole number; as one
        number times x_j·y_k they do not.
        """
        products = Products()
        degrees, (rates, (per_scale, per)) = self.basis.degrees, self.equation(node)
        for rate, arg in zip(rates, node.args, strict=True):
            for j, k in self._split(i) if rate is not None else ():
                driven = (yield arg, k) if k else None
                if driven is not None and rate is not None:
                    products.add(rate[0] * degrees[k], (yield rate[1], j), driven, full=not j)
        for j, k in self._split(i):
            factor = (yield per, j) if j and k else None
            if factor is not None:
                products.add(-per_scale * degrees[k], (yield node, k), factor)
        return products

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
                total = _accumulate(m, total, weight / degree, a, b)
            else:
                rest = _accumulate(m, rest, weight, a, b)
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

    def equation(self, node: Node) -> Equation:
        """The equation of the node, traced once."""
        if node not in self._equations:
            arguments = (*self._tracers((*node.args, node)), *node.params)
            rate, per = node.op.rate, node.op.per
            rates = rate(*arguments) if rate is not None else 1
            rates = rates if isinstance(rates, tuple) else (rates,)
            pairs = tuple(None if r is None else scaled(self.graph.lift(r)) for r in rates)
            self._equations[node] = Equation(pairs, scaled(self.graph.lift(per(*arguments) if per else 1)))
        return self._equations[node]

    def _tracers(self, nodes: Sequence[Node]) -> list[Tracer]:
        return [Tracer(self.graph, node) for node in nodes]

    def _body(self, node: Node, parts: list[Scalar]) -> Scalar:
        assert node.op.body is not None
        result: Scalar = node.op.body(self.scalars(node), *parts, *node.params)
        return result

    def _split(self, i: int) -> list[tuple[int, int]]:
        if i not in self._splits:
            self._splits[i] = self.basis.splits(i)
        return self._splits[i]


class Products:
    """A sum of weighted products in which like products are one."""

    def __init__(self) -> None:
        self.terms: dict[tuple[Any, Any], tuple[Fraction, bool]] = {}
        self.merged = False

    def add(self, weight: Fraction, a: Scalar, b: Scalar, full: bool = False) -> None:
        """Add weight·a·b; `full` marks a term whose weight is the whole degree times its scale."""
        if a is None or b is None:
            return
        key = (b, a) if (b, a) in self.terms else (a, b)
        if key in self.terms:
            weight, self.merged = weight + self.terms[key][0], True
        self.terms[key] = (weight, full)


def _values(node: Node) -> Generator[tuple[Node, int], Scalar, list[Scalar]]:
    values: list[Scalar] = []
    for arg in node.args:
        value = yield arg, 0
        values.append(value)
    return values


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


def write(graph: Tracing, nodes: Sequence[Node], inputs: Mapping[Node, tuple[int, Spec]], basis: Basis) -> Program:
    """The program that computes every coefficient of the nodes from the inputs, each a (slot, what is known of it)."""
    series = Series(graph, basis, inputs)
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


def output_dtype(node: Node) -> Dtype:
    """The dtype of a result: Python numbers alone make float64."""
    return node.dtype or DOUBLE


def _accumulate(m: Scalars, total: Scalar, weight: Fraction, a: Scalar, b: Scalar) -> Scalar:
    if total is None or not weight:
        return m.multiply(a, m.multiply(weight, b)) if weight else total
    if weight < 0:
        return m.msub(total, a, m.multiply(-weight, b))
    return m.madd(total, a, m.multiply(weight, b))
