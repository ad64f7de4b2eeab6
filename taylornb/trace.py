"""From a Python function to a graph, by running it once on tracers."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import count
from typing import Any, NoReturn

import numpy as np

from .detach import HELD, detach, thawed
from .errors import TracingError
from .graph import Graph, Node
from .number import Constant, number
from .operand import Operand, Planes, Spec, operand, real_array
from .rules import Op, input_, literal, registry
from .surface import Truths


class Tracing(Graph):
    """A graph under construction, with the arrays that the traced function found in its surroundings."""

    def __init__(self) -> None:
        super().__init__()
        self.captured: dict[Node, Operand] = {}
        self.closed = False
        self._kept: list[object] = []  # what was captured stays alive, so that an id names one object

    @contextmanager
    def open(self) -> Iterator[None]:
        """While a function of the user or an equation is traced; what these leak is of no use afterwards."""
        self.closed = False
        try:
            with thawed():
                yield
        finally:
            self.closed = True

    def input(self, key: Hashable, spec: Spec) -> Node:
        """The node of an argument."""
        return self.leaf(
            input_, (key, spec), spec.dtype, spec.basis is None or spec.support.is_constant, spec.basis is not None
        )

    def literal(self, value: Any) -> Node:
        """A number the function contains; a NumPy scalar brings its dtype, a Python number does not."""
        dtype = None
        if isinstance(value, np.generic):
            dtype = real_array(value, "a number the function contains", keep_bool=True).dtype
        return self.leaf(literal, (number(value),), dtype)

    def capture(self, value: Any) -> Node:
        """An array the function refers to: read now, and an argument of the kernel from here on.

        Where the function has written to an array it used before, the array is another argument.
        """
        found = operand(value, "an array the function refers to")
        for version in count():
            node = self.input(("captured", id(value), version), found.spec)
            if node not in self.captured:
                self.captured[node] = Operand(found.planes.copy(), found.spec)
                self._kept.append(value)
            if _same_bits(self.captured[node].planes, found.planes):
                break
        return node

    def lift(self, value: Any) -> Node:
        """The node of whatever a traced function may combine: traced values, numbers, arrays, series.

        Raises:
            TracingError: For a traced value of another function.
        """
        if isinstance(value, Tracer):
            if value.graph is not self or self.closed:
                raise TracingError("a traced value left the function it was traced in; return it from there instead")
            return value.node
        return self.literal(value) if is_number(value) or isinstance(value, Constant) else self.capture(value)


class Tracer(Truths):
    """Stands for a value that is not known yet; an op applied to it becomes a node."""

    __slots__ = ("graph", "node")
    _precedence = 2

    def __init__(self, graph: Tracing, node: Node) -> None:
        self.graph, self.node = graph, node

    def _apply(self, op: Op, args: tuple[Any, ...], params: tuple[Hashable, ...]) -> Any:
        if op.answers:
            raise TracingError(f"{op.name} is not known while tn.fuse traces the function; ask outside of it")
        if op.kind == "composite":
            assert op.body is not None
            return op.body(*(arg if stays(op, i, arg) else self._lifted(arg) for i, arg in enumerate(args)))
        nodes = tuple(self.graph.lift(arg) for arg in args)
        if op.on_truth and all(node.truth for node in nodes):
            op = _on_truth(op)
        node, held = self.graph.node(op, nodes, params), HELD.get()
        return Tracer(self.graph, self.graph.node(detach, (node,), held) if held and not node.truth else node)

    def _lifted(self, value: Any) -> Tracer:
        return Tracer(self.graph, self.graph.lift(value))

    def __repr__(self) -> str:
        return f"<traced value {self.node!r}>"

    def _unknown(self, *_: Any, **__: Any) -> NoReturn:
        raise TracingError(
            "a traced value is not known while tn.fuse traces the function: it cannot become a float, an int, an "
            "array or a length. Keep to the operations of taylornb, or pass a plain number as a keyword argument"
        )

    __float__ = __int__ = __index__ = __complex__ = __array__ = __len__ = __iter__ = _unknown

    def __bool__(self) -> bool:
        raise TracingError(
            "a traced value is neither true nor false while tn.fuse traces the function: "
            "use tn.where(condition, a, b) instead of `if`, and &, |, ~ instead of `and`, `or`, `not`"
        )

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise TracingError(
            f".{name} of a traced value is not known while tn.fuse traces the function; "
            f"take it from the argument before the call, or from the result after it"
        )


def _same_bits(a: Planes, b: Planes) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def _on_truth(op: Op) -> Op:
    if op.on_truth == "refuse":
        raise TracingError(f"{op.name} does not take truth values, as in NumPy; use ^, & and ~, or tn.where(condition, 1, 0)")
    return registry.get(op.on_truth, op)


def is_number(value: object) -> bool:
    """Whether it is a Python or NumPy real number, which a program states as it is."""
    return isinstance(value, int | float | Fraction | np.floating | np.integer) and not isinstance(value, bool)


def stays(op: Op, position: int, value: object) -> bool:
    """Whether a composite takes this argument as it is: nothing, or a number that is baked in."""
    return (position in op.optional and value is None) or (position in op.static and is_number(value))
