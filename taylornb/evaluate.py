"""How a graph becomes results: kernels over its elementwise parts, structure ops between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np

from .basis import Basis
from .graph import Node, walk
from .launch import Target, broadcast_shape, launch
from .operand import Operand, Spec
from .program import Program
from .series import output_dtype, write
from .trace import Tracing

Known = dict[Node, Operand]
PLAIN = Basis(("x",), 0)  # the series of plain numbers: their values


class Evaluator:
    """A traced graph and the programs written for it, one for each way its inputs have come.

    Args:
        graph: The graph.
        outputs: The nodes whose series are wanted.
        basis: The basis of the series, None if all is plain.
    """

    def __init__(self, graph: Tracing, outputs: Sequence[Node], basis: Basis | None) -> None:
        self.graph, self.outputs, self.basis = graph, tuple(outputs), basis
        self._lock = Lock()
        self.program: Callable[..., Program] = lru_cache(maxsize=64)(self._program)
        self.sources: Callable[..., tuple[Node, ...]] = lru_cache(maxsize=4096)(_sources)

    def __call__(self, known: Known, target: Target | None) -> list[Operand]:
        """The outputs, given the inputs."""
        return self._stages(known, lambda program, operands: launch(program, operands, target))

    def programs(self, known: Known) -> list[Program]:
        """The programs of a call, in the order they run."""
        found: list[Program] = []

        def remember(program: Program, operands: Sequence[Operand]) -> list[Any]:
            found.append(program)
            shape = broadcast_shape([one.shape for one in operands])
            return [np.broadcast_to(out.dtype.type(0), (len(out.support.rows), *shape)) for out in program.outputs]

        self._stages(known, remember)
        return found

    def _stages(self, known: Known, run: Callable[[Program, Sequence[Operand]], list[Any]]) -> list[Operand]:
        known = {**known, **self.graph.captured}
        for node in walk(self.outputs):
            if node.op.kind == "structure":
                assert node.op.body is not None
                args = self._elementwise(node.args, known, run)
                known |= dict(zip(node.args, args, strict=True))  # what comes after starts from these
                known[node] = node.op.body(args, *node.params)
        return self._elementwise(self.outputs, known, run)

    def _elementwise(self, nodes: Sequence[Node], known: Known, run: Callable[..., list[Any]]) -> list[Operand]:
        """The nodes from what is known, in one kernel for each shape that comes out."""
        found: dict[Node, Operand] = {node: known[node] for node in nodes if node in known}
        by_shape: dict[tuple[int, ...], list[Node]] = {}
        sources = {node: self.sources(node, frozenset(known)) for node in dict.fromkeys(nodes) if node not in found}
        for node, inputs in sources.items():
            by_shape.setdefault(broadcast_shape([known[arg].shape for arg in inputs]), []).append(node)
        for together in by_shape.values():
            inputs = tuple(dict.fromkeys(arg for node in together for arg in sources[node]))
            program = self.program(tuple(together), tuple((arg, known[arg].spec) for arg in inputs))
            planes = run(program, [known[arg] for arg in inputs])
            for node, plane, output in zip(together, planes, program.outputs, strict=True):
                found[node] = Operand(plane, Spec(output.support, node.dtype, self.basis if node.series else None))
        return [found[node] for node in nodes]

    def _program(self, nodes: tuple[Node, ...], inputs: tuple[tuple[Node, Spec], ...]) -> Program:
        slots = {node: (slot, spec) for slot, (node, spec) in enumerate(inputs)}
        with self._lock:  # writing adds the nodes of equations to the graph
            return write(self.graph, nodes, slots, self.basis or PLAIN)


def finished(found: Operand, node: Node) -> Operand:
    """A result as it leaves: Python numbers alone have become float64."""
    spec = Spec(found.spec.support, found.spec.dtype or output_dtype(node), found.spec.basis)
    return Operand(np.asarray(found.planes), spec)


def _sources(node: Node, known: frozenset[Node]) -> tuple[Node, ...]:
    """The known nodes that a node is computed from."""
    return tuple(found for found in walk([node], known.__contains__) if found in known)
