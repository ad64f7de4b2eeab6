"""What is done for one node at one monomial: which sums, and which instructions on them and on coefficients in memory?"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .graph import Node
from .pieces import Expansion, Line, Piece, Shape, expansion, shape
from .presence import SOLVED, Flags, Presence
from .program import Operand, Ref, Scalar, Scalars, Writer
from .recurrence import Recurrence
from .rolled import Dtype, Source, Sum, Table, packed
from .runs import ordered
from .series import DOUBLE, Series, accumulate

TRUTH = np.dtype(bool)


class Form(NamedTuple):
    """What a slot holds of a node: its "plain" coefficients, times their "degree", or "over" the divisor of its equation."""

    node: Node
    kind: str
    dtype: Dtype


class Memory:
    """What the steps of one graph share: the slots, what the head keeps for them, the tables.

    Attributes:
        series: The interpreter that writes the head.
        presence: Which coefficients there are.
        early: The monomials before this one are done in the head.
        listed: Whether all pairs of several variables are listed, and none are runs.
        place: Of each monomial in the loops.
    """

    def __init__(self, series: Series, presence: Presence, early: int, listed: bool = False) -> None:
        self.series, self.presence, self.early, self.listed = series, presence, early, listed
        self.place = ordered(presence.basis).place
        self.slots: dict[Form, int] = {}
        self.zeroed = set[int]()
        self.kept: dict[Ref, int] = {}
        self.flags: dict[bytes, int] = {}
        self._expansions: dict[Node, Expansion] = {}
        self._tables: dict[Table, Table] = {}

    def by_place(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Numbers or flags of monomials in the order in which loops take these."""
        found = np.empty_like(numbers)
        found[self.place] = numbers
        return found

    def slot(self, form: Form) -> int:
        """The number of a slot."""
        return self.slots.setdefault(form, len(self.slots))

    def keep(self, m: Scalars, scalar: Scalar) -> Scalar:
        """A scalar of the head in a step."""
        if not isinstance(scalar, Ref):
            return scalar
        number = self.kept.setdefault(scalar, len(self.kept))
        return m.writer.emit("load", (), self.series.writer.dtype(scalar), (Source.KEPT, number))

    def expansion(self, node: Node) -> Expansion:
        """The pieces of its recurrence."""
        if node not in self._expansions:
            self._expansions[node] = expansion(self.series.recurrences[node])
        return self._expansions[node]

    def needs(self, node: Node) -> list[Node]:
        """The nodes whose coefficients above the value a step of this one may read."""
        if node in self.series.inputs:
            return []
        if node.op.kind == "linear":
            return self.presence.sources(node)
        start, found = self.series.recurrences[node].start, self.expansion(node)
        factors = [factor for piece in (*found.plain, *found.weighed) for factor in (piece.a, piece.b)]
        return [*factors, *(b for _, _, b in found.full), *([start] if start is not None else [])]

    def shape(self, piece: Piece, wanted: Flags, together: frozenset[Node]) -> Shape:
        """The pairs of a piece for a node that is computed together with others; equal tables are one object."""
        coming = None if self.listed else (piece.a in together, piece.b in together)
        found = shape(piece, self.presence, wanted, self.early, coming)
        if isinstance(found.pairs, Table):
            return found._replace(pairs=self._tables.setdefault(found.pairs, found.pairs))
        return found

    def per(self, node: Node) -> Scalar:
        """The divisor of a node without the degree, in the head."""
        recurrence, m = self.series.recurrences[node], self.series.scalars(node)
        assert recurrence.divisor is not None
        bottom = self.series.coefficient(recurrence.divisor, 0)
        return bottom * recurrence.scale if isinstance(bottom, Fraction) else m.multiply(recurrence.scale, bottom)


class Draft:
    """The step of one node while it is written.

    Attributes:
        node: The node.
        wanted: Its monomials.
        together: The nodes that are computed together with it, since they need one another, and the node itself.
        sums: Its sums.
        m: Its arithmetic.
        result: The coefficient.
    """

    def __init__(self, memory: Memory, node: Node, wanted: Flags, together: frozenset[Node]) -> None:
        self.memory, self.node, self.wanted, self.together = memory, node, wanted, together
        self.sums: list[Sum] = []
        self.direct = False
        self.m = Scalars(Writer(), memory.series.scalars(node).dtype)
        if node in memory.series.inputs:
            slot, spec = memory.series.inputs[node]
            self.result: Scalar = self.m.writer.emit("load", (), spec.dtype or DOUBLE, (Source.INPUT, slot))
        elif node.op.kind == "linear":
            self.result = self._linear()
        else:
            assert node.op.kind in SOLVED
            self.result = self._solved(memory.series.recurrences[node], memory.expansion(node))

    def form(self, form: Form) -> Operand:
        """The coefficient as a slot holds it."""
        m = Scalars(self.m.writer, form.dtype)
        found: Scalar = m.writer.cast(self.result, form.dtype)
        if form.kind == "degree":
            found = m.multiply(self._degree(0, form.dtype), found)
        if form.kind == "over":
            found = m.divide(found, self.memory.keep(m, self.memory.per(self.node)))
        return Fraction(0) if found is None else found

    # ---- what is read ------------------------------------------------------------------------------

    def _load(self, dtype: Dtype, *place: int) -> Ref:
        return self.m.writer.emit("load", (), dtype, place)

    def _degree(self, back: int, dtype: Dtype) -> Ref:
        return self._load(dtype, Source.DEGREE, back, dtype.itemsize)

    def _at(self, node: Node, kind: str = "plain", back: int = 0) -> Ref:
        dtype = self.m.dtype if kind != "plain" else node.dtype or DOUBLE
        return self._load(dtype, Source.AT, self.memory.slot(Form(node, kind, dtype)), back)

    def _at_times(self, node: Node) -> Ref:
        """A coefficient that is there for some monomials and zero for the others: what memory happens to hold may be slow."""
        self.memory.zeroed.add(self.memory.slot(Form(node, "plain", node.dtype or DOUBLE)))
        return self._at(node)

    def _early(self, node: Node, i: int) -> Scalar:
        return self.memory.keep(self.m, self.memory.series.coefficient(node, i))

    def _part(self, node: Node) -> Scalar:
        """The coefficient of another node at the same monomial; a zero from memory where it is there for some only."""
        there = self.memory.presence.of(node)[self.wanted]
        if not there.any():
            return None
        return self._at(node) if there.all() else self._at_times(node)

    # ---- the rules ---------------------------------------------------------------------------------

    def _linear(self) -> Scalar:
        op, args = self.node.op, self.node.args
        if op.heir is not None:
            return self._part(args[op.heir])
        parts = [self._early(arg, 0) if n in op.by_value else self._part(arg) for n, arg in enumerate(args)]
        assert op.body is not None
        result: Scalar = op.body(self.m, *parts, *self.node.params)
        return result

    def _solved(self, recurrence: Recurrence, pieces: Expansion) -> Scalar:
        m, memory = self.m, self.memory
        total = self._part(recurrence.start) if recurrence.start is not None else None
        if recurrence.divisor is None:
            return self._plain(total, pieces.plain, Fraction(1))
        per = memory.per(self.node)
        exact = 1 / per if recurrence.by_degree and isinstance(per, Fraction) and per else None
        self.direct = self.node.op.direct and exact is None
        scale = exact or Fraction(1)
        for weight, a, b in pieces.full:
            total = self._full(total, weight * scale, a, b)
        total = self._plain(total, pieces.plain, scale)
        total = self._weighed(total, pieces.weighed, scale)
        if exact is not None or self.direct:  # what a direct rule reads of its own coefficients is divided already
            return total
        return m.multiply(total, memory.keep(m, memory.series.scalars(self.node).divide(Fraction(1), per)))

    def _full(self, total: Scalar, weight: Fraction, a: Node, b: Node) -> Scalar:
        """The product with the value of a, which has the whole degree as its weight and so needs no factor."""
        there = self.memory.presence.of(b)[self.wanted]
        value = self._first(a, 0) if there.any() else None
        if value is None:
            return total
        if there.all():
            return accumulate(self.m, total, weight, value, self._at(b))
        present = packed(self.memory.by_place(self.memory.presence.of(b)), "u1")
        flags = self.memory.flags.setdefault(present, len(self.memory.flags))
        product = self.m.multiply(value, self.m.multiply(weight, self._at_times(b)))
        chosen = self.m.where(self._load(TRUTH, Source.PRESENT, flags), product, Fraction(0))
        return self.m.add(total, chosen)

    def _plain(self, total: Scalar, pieces: tuple[Piece, ...], scale: Fraction) -> Scalar:
        """Sums whose products all have one weight."""
        for piece in pieces:
            found = self.memory.shape(piece, self.wanted, self.together)
            if isinstance(found.pairs, Line):
                for known, other in self._line(piece, found.pairs):
                    total = accumulate(self.m, total, piece.constant * scale, known, other)
            elif found.pairs is not None:
                total = accumulate(self.m, total, piece.constant * scale, self._sum(piece, found), Fraction(1))
        return total

    def _weighed(self, total: Scalar, pieces: tuple[Piece, ...], scale: Fraction) -> Scalar:
        """Sums whose products are weighed by degrees, over the degree; a single product takes all that into its weight."""
        found = [(piece, self.memory.shape(piece, self.wanted, self.together)) for piece in pieces]
        found = [(piece, one) for piece, one in found if one.pairs is not None]
        inverse = self.m.multiply(scale, self._load(self.m.dtype, Source.INVERSE, self.m.dtype.itemsize)) if found else None
        lines = [(piece, one.pairs) for piece, one in found if isinstance(one.pairs, Line)]
        if len(lines) == len(found) and sum(len(line.at) for _, line in lines) == 1:
            ((weight, known, other),) = self._weighed_line(*lines[0])
            return self.m.madd(total, other, self.m.multiply(self.m.multiply(weight, inverse), known))
        rest: Scalar = None
        for piece, one in found:
            if isinstance(one.pairs, Line):
                for weight, known, other in self._weighed_line(piece, one.pairs):
                    rest = self.m.madd(rest, other, self.m.multiply(weight, known))
            else:
                weight = Fraction(1) if piece.left else piece.right
                rest = accumulate(self.m, rest, weight, self._sum(piece, one), Fraction(1))
        return self.m.madd(total, rest, inverse)

    # ---- sums --------------------------------------------------------------------------------------

    def _sum(self, piece: Piece, found: Shape) -> Ref:
        assert not isinstance(found.pairs, Line)
        assert found.pairs is not None
        kinds = (self._kind(piece.a), self._kind(piece.b) if piece.left or piece.constant else "degree")
        a, b = (self.memory.slot(Form(node, kind, self.m.dtype)) for node, kind in zip((piece.a, piece.b), kinds, strict=True))
        weight = (piece.left, piece.right) if piece.left else None
        self.sums.append(Sum(a, b, self.m.dtype, found.pairs, piece.half, weight, found.products))
        return self._load(self.m.dtype, Source.SUM, len(self.sums) - 1)

    def _line(self, piece: Piece, line: Line) -> Iterator[tuple[Scalar, Scalar]]:
        """The products in line: the coefficient that the head knows, and the other."""
        known, other = (piece.a, piece.b) if line.known == "a" else (piece.b, piece.a)
        for at in line.at:
            yield self._first(known, at), self._at(other, self._kind(other), at)

    def _weighed_line(self, piece: Piece, line: Line) -> Iterator[tuple[Scalar, Scalar, Scalar]]:
        """The same with the weight of each before it is divided by the degree."""
        double = Scalars(self.m.writer, DOUBLE)
        for at, (known, other) in zip(line.at, self._line(piece, line), strict=True):
            if not piece.left and line.known == "b":
                yield piece.right * at, known, other
                continue
            degree = self._degree(at, DOUBLE)
            if not piece.left:
                yield double.multiply(piece.right, degree), known, other
                continue
            # One number, rounded once: the parts may nearly cancel.
            left: Scalar = piece.left * at if line.known == "a" else double.multiply(piece.left, degree)
            k: Operand = degree if line.known == "a" else Fraction(at)
            assert left is not None
            yield self.m.writer.emit("madd", (left, piece.right, k), DOUBLE), known, other

    def _kind(self, node: Node) -> str:
        return "over" if self.direct and node is self.node else "plain"

    def _first(self, node: Node, i: int) -> Scalar:
        """One of the first coefficients, as a factor."""
        memory = self.memory
        if self._kind(node) == "plain":
            return self._early(node, i)
        return memory.keep(self.m, memory.series.scalars(node).divide(memory.series.coefficient(node, i), memory.per(node)))
