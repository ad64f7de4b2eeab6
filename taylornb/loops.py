"""How do the rules of a graph become loops whose text does not grow with the order? The second expander of `recurrence`.

What is in the loops is decided from supports alone, node by node; the values and the first coefficients come from `Series`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

import numpy as np

from .basis import Basis
from .errors import UnsupportedError
from .graph import Node
from .operand import Spec
from .pieces import components
from .presence import Flags, Presence
from .program import Operand, Output, Scalar, Scalars, Store
from .recurrence import Recurrences
from .rolled import Loop, Monomials, Rolled, Runs, Slot, Step, packed
from .series import DOUBLE, Series, output_dtype
from .steps import Draft, Form, Memory
from .support import Support
from .trace import Tracing

SHORT = 4  # in one variable, the last degree of a short series; past those the loops find everything regular
SMALL, LOW = 16, 2  # in several variables, nodes with no more coefficients are, up to this degree
FEW = 4  # so are inputs with no more rows
LARGEST = 65534  # coefficients: their places are 16-bit numbers

Inputs = Mapping[Node, tuple[int, Spec]]


def roll(
    graph: Tracing,
    nodes: Sequence[Node],
    inputs: Inputs,
    basis: Basis,
    early: int | None = None,
    listed: bool = False,
) -> Rolled:
    """The loops that compute every coefficient of the nodes from the inputs, each a (slot, what is known of it).

    Args:
        graph: Where the nodes are.
        nodes: The outputs.
        inputs: The inputs.
        basis: The monomials.
        early: In one variable, how many coefficients of each series are written out before the loops; None chooses.
        listed: Whether all pairs of several variables are listed; otherwise runs of them are where that gains.

    Raises:
        UnsupportedError: Where a series has too many coefficients.
    """
    if basis.size > LARGEST:
        raise UnsupportedError(f"{basis} has {basis.size:,} coefficients; a looped kernel takes up to {LARGEST:,}")
    with graph.open():
        return Roller(graph, nodes, inputs, basis, early, listed).rolled()


def estimate(graph: Tracing, nodes: Sequence[Node], inputs: Inputs, basis: Basis) -> int:
    """About how many instructions `series.write` would need."""
    with graph.open():
        presence = Presence(Recurrences(graph), basis, inputs, nodes)
    return presence.products + sum(int(flags.sum()) for flags in presence.needed.values())


class Roller:
    """The loops of one graph under construction."""

    def __init__(
        self, graph: Tracing, nodes: Sequence[Node], inputs: Inputs, basis: Basis, early: int | None, listed: bool
    ) -> None:
        self.basis, self.inputs, self.nodes = basis, inputs, tuple(nodes)
        self.series = Series(graph, basis, inputs)
        self.presence = Presence(self.series.recurrences, basis, inputs, nodes)
        self.memory = Memory(self.series, self.presence, early or self._regular(), listed)
        self.late = {node: self._late(node) for node in self.presence.nodes}
        self.outputs = tuple(self._output(node) for node in self.nodes)

    def rolled(self) -> Rolled:
        """The whole."""
        moving = [node for node in self.presence.nodes if self.late[node].any()]
        groups = components(moving, {node: self._needs(node) for node in moving})
        together = [(group, frozenset(group)) for group in groups]
        loops = _joined([[Draft(self.memory, node, self.late[node], all_) for node in group] for group, all_ in together])
        drafts = [draft for loop in loops for draft in loop]
        forms = self._forms()
        parts = {draft.node: self._stores(draft, forms.get(draft.node, [])) for draft in drafts}
        head = self._head()
        places = (*self.outputs, *self._places())
        steps = {
            draft.node: Step(
                self._monomials(draft.wanted), tuple(draft.sums), draft.m.writer.program(parts[draft.node], places)
            )
            for draft in drafts
        }
        read = [node for node in self.inputs if node in steps]
        rows = [self._rows(node, out.support) for node, out in zip(self.nodes, self.outputs, strict=True)]
        return Rolled(
            size=self.basis.size,
            degrees=None if len(self.basis.variables) == 1 else packed(self.memory.by_place(np.array(self.basis.degrees))),
            head=self.series.writer.program(head, places),
            loops=tuple(Loop(self._monomials(_flags(loop)), tuple(steps[draft.node] for draft in loop)) for loop in loops),
            places=places,
            outputs=self.outputs,
            slots=tuple(Slot(form.dtype, n in self.memory.zeroed) for form, n in self.memory.slots.items()),
            rows=(*rows, *(self._rows(node, self.inputs[node][1].support) for node in read)),
            sources=tuple(self._source(node) for node in read),
            flags=tuple(self.memory.flags),
        )

    def _regular(self) -> int:
        """The monomial from which on supports are regular: 2 beside x + ε, of which a product takes two terms from there on."""
        if len(self.basis.variables) > 1:
            return 1
        last = (int(np.flatnonzero(flags).max(initial=0)) for flags in self.presence.present.values())
        return 1 + max((degree for degree in last if degree <= SHORT), default=0)

    def _needs(self, node: Node) -> list[Node]:
        """The nodes that have to be in the same loop as this one or in one before it."""
        return [other for other in self.memory.needs(node) if other in self.late and self.late[other].any()]

    # ---- what is where -----------------------------------------------------------------------------

    def _late(self, node: Node) -> Flags:
        """The coefficients that are left to the loops."""
        late = self.presence.needed[node].copy()
        late[: self.memory.early] = False
        if node in self.inputs:
            support = self.inputs[node][1].support
            late[list(support.units)] = False
            late[:] = late & (late.sum() > FEW)
            return late
        low = np.array(self.basis.degrees) <= LOW
        if len(self.basis.variables) > 1 and late.sum() <= SMALL and not late[~low].any():
            late[:] = False
        return late

    def _output(self, node: Node) -> Output:
        there = self._with_value(node)
        return Output(Support.packed(int(i) for i in np.flatnonzero(there)), output_dtype(node))

    def _with_value(self, node: Node) -> Flags:
        """Which coefficients an output stores: the value always."""
        there = self.presence.of(node).copy()
        there[0] = True
        return there

    def _places(self) -> Iterator[Output]:
        nowhere = Support.packed(())
        for form in self.memory.slots:
            yield Output(nowhere, form.dtype)
        for ref in self.memory.kept:
            yield Output(nowhere, self.series.writer.dtype(ref))

    def _rows(self, node: Node, support: Support) -> bytes | int:
        """The row of each monomial that the loops reach: a number to add, or a list."""
        late = [int(i) for i in np.flatnonzero(self.late[node])] if node in self.late else []
        places = self.memory.place[late]
        shifts = {support.row[i] - int(place) for i, place in zip(late, places, strict=True)}
        if len(shifts) <= 1:
            return shifts.pop() if shifts else 0
        table = np.zeros(self.basis.size, dtype=int)
        table[places] = [support.row[i] for i in late]
        return packed(table)

    def _monomials(self, flags: Flags) -> Monomials:
        """The places of monomials."""
        numbers = tuple(int(i) for i in np.flatnonzero(self.memory.by_place(flags)))
        whole = range(numbers[0], numbers[-1] + 1)
        return whole if len(whole) == len(numbers) else numbers

    def _source(self, node: Node) -> tuple[int, np.dtype[np.generic], tuple[int, ...]]:
        slot, spec = self.inputs[node]
        rows = tuple(spec.support.row[int(i)] for i in np.flatnonzero(self.late[node]))
        return slot, spec.dtype or DOUBLE, rows

    # ---- what is stored ----------------------------------------------------------------------------

    def _forms(self) -> dict[Node, list[tuple[Form, int]]]:
        found: dict[Node, list[tuple[Form, int]]] = {}
        for form, n in self.memory.slots.items():
            found.setdefault(form.node, []).append((form, n))
        return found

    def _stores(self, draft: Draft, forms: list[tuple[Form, int]]) -> list[Store]:
        """The outputs and slots that the coefficient of a step goes to."""
        stores = [
            Store(place, 0, draft.form(Form(draft.node, "plain", out.dtype)))
            for place, (node, out) in enumerate(zip(self.nodes, self.outputs, strict=True))
            if node is draft.node
        ]
        return [*stores, *(Store(len(self.nodes) + n, 0, draft.form(form)) for form, n in forms)]

    def _head(self) -> list[Store]:
        """The values and the first coefficients: to outputs, to slots, and what the steps keep of them."""
        stores = [
            Store(place, out.support.row[i], scalar)
            for place, (node, out) in enumerate(zip(self.nodes, self.outputs, strict=True))
            for i, scalar in self._early(node, self._with_value(node))
        ]
        for form, n in tuple(self.memory.slots.items()):
            needed = self.presence.needed.get(form.node, self.presence.of(form.node)).copy()
            needed[0] = True
            for i, scalar in self._early(form.node, needed & self.presence.of(form.node)):
                stores.append(Store(len(self.nodes) + n, int(self.memory.place[i]), self._formed(form, i, scalar)))
        first = len(self.nodes) + len(self.memory.slots)
        return [*stores, *(Store(first + n, 0, ref) for ref, n in self.memory.kept.items())]

    def _early(self, node: Node, flags: Flags) -> Iterator[tuple[int, Operand]]:
        """The coefficients that are written out."""
        for i in np.flatnonzero(flags & ~self.late[node] if node in self.late else flags):
            scalar = self.series.coefficient(node, int(i))
            yield int(i), Fraction(0) if scalar is None else scalar

    def _formed(self, form: Form, i: int, scalar: Operand) -> Operand:
        m = Scalars(self.series.writer, form.dtype)
        found: Scalar = m.writer.cast(scalar, form.dtype)
        if form.kind == "degree":
            found = m.multiply(Fraction(self.basis.degrees[i]), found)
        if form.kind == "over":
            found = m.divide(found, self.memory.per(form.node))
        return Fraction(0) if found is None else found


def _joined(groups: list[list[Draft]]) -> list[list[Draft]]:
    """The groups as loops: neighbours over the same monomials are one, unless each has sums that fill the cache.

    Sums over runs are computed ahead, so that what they take comes in loops before, or in their own group.
    """
    loops: list[list[Draft]] = []
    for group in groups:
        last = loops[-1] if loops else []
        heavy = any(draft.sums for draft in group) and any(draft.sums for draft in last)
        ahead = any(isinstance(one.over, Runs) for draft in group for one in draft.sums)
        if last and not heavy and not ahead and bool((_flags(last) == _flags(group)).all()):
            last.extend(group)
        else:
            loops.append(list(group))
    return loops


def _flags(drafts: Sequence[Draft]) -> Flags:
    found: Flags = np.logical_or.reduce([draft.wanted for draft in drafts])
    return found
