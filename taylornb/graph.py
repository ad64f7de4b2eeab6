"""A computation as an immutable graph in which equal expressions are one node."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .rules import Op

Dtype = np.dtype[Any]


ON_TRUTH = {"same": np.dtype(bool), "number": np.dtype(np.float64)}


class Node:
    """An op applied to nodes.

    `params` holds what is not differentiated (an exponent, a slot number). `dtype` is None where every
    operand is a Python number, which takes the dtype of what it meets. `constant` says that all coefficients
    above the value are structurally zero. `series` tells a series from a plain number or truth value: what comes
    of a comparison is plain. `number` counts the nodes of the graph: arguments come first.
    """

    __slots__ = ("args", "constant", "dtype", "number", "op", "params", "series")

    def __init__(self, op: Op, args: tuple[Node, ...], params: tuple[Hashable, ...], number: int) -> None:
        self.op, self.args, self.params, self.number = op, args, params, number
        self.dtype: Dtype | None = None
        self.constant = self.series = False

    @property
    def truth(self) -> bool:
        """Whether it is a truth value."""
        return self.dtype is not None and self.dtype.kind == "b"

    def __repr__(self) -> str:
        inside = ", ".join([*(f"%{arg.number}" for arg in self.args), *(str(p) for p in self.params if p is not None)])
        return f"%{self.number} = {self.op.name}({inside})"


class Graph:
    """Makes nodes, each expression once."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[Hashable, ...], Node] = {}

    def leaf(
        self, op: Op, params: tuple[Hashable, ...], dtype: Dtype | None, constant: bool = True, series: bool = False
    ) -> Node:
        """An input or a literal."""
        return self._find(op, (), (*params, dtype), (dtype, constant, series))

    def node(self, op: Op, args: tuple[Node, ...], params: tuple[Hashable, ...] = ()) -> Node:
        """The op applied to the arguments."""
        if op.involution and args[0].op is op:
            return args[0].args[0]
        numeric = op.numeric(args)
        dtype = np.dtype(bool) if op.boolean else promote(arg.dtype for arg in numeric)
        if op.on_truth in ON_TRUTH and all(arg.truth for arg in numeric):
            dtype = ON_TRUTH[op.on_truth]
        truth = dtype is not None and dtype.kind == "b"
        constant = op.kind == "constant" or all(arg.constant for arg in numeric)
        return self._find(op, args, params, (dtype, constant, not truth and any(arg.series for arg in args)))

    def _find(
        self, op: Op, args: tuple[Node, ...], params: tuple[Hashable, ...], known: tuple[Dtype | None, bool, bool]
    ) -> Node:
        key = (op, args, params)
        if key not in self._nodes:
            node = Node(op, args, params, len(self._nodes))
            node.dtype, node.constant, node.series = known
            self._nodes.setdefault(key, node)
        return self._nodes[key]


def promote(dtypes: Iterable[Dtype | None]) -> Dtype | None:
    """NumPy's result_type, for float dtypes; None and bool give way to any other."""
    strong = [dtype for dtype in dtypes if dtype is not None and dtype.kind != "b"]
    return np.result_type(*strong) if strong else None


def walk(outputs: Sequence[Node], stop: Callable[[Node], bool] = lambda node: False) -> list[Node]:
    """Every node that the outputs depend on, arguments before users; what stands behind a stop is left out."""
    seen: set[Node] = set()
    waiting = list(outputs)
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting.extend(() if stop(node) else node.args)
    return sorted(seen, key=lambda node: node.number)


def describe(outputs: Sequence[Node]) -> str:
    """The graph as text, one node a line, numbered in the order of their making."""
    lines = [repr(node) for node in walk(outputs)]
    return "\n".join([*lines, f"return {', '.join(f'%{node.number}' for node in outputs)}"])
