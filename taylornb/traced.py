"""What does one tracing of a function leave, and how do arguments become results by it?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .array import TaylorArray, wrap
from .basis import Basis, same_basis
from .containers import Tree, flattened, rebuilt
from .device import owned
from .evaluate import Evaluator, Like, finished
from .forms import Way
from .graph import Node
from .operand import Operand, Planes, Spec
from .out import apart, outs_for, rooms, take
from .repeat import Repeat, repeat
from .targets.cuda.memory import share_memory
from .trace import Tracer, Tracing


class Traced:
    """What one tracing of a function left: the graph, and the places of the results."""

    def __init__(self, function: Callable[..., Any], layout: Tree, specs: tuple[Spec, ...], static: dict[str, Any]) -> None:
        graph = Tracing()
        self.inputs = [graph.input(slot, spec) for slot, spec in enumerate(specs)]
        with graph.open():
            self.layout, leaves = flattened(function(*rebuilt(layout, [Tracer(graph, node) for node in self.inputs]), **static))
            self.outputs: list[Node] = [graph.lift(leaf) for leaf in leaves if isinstance(leaf, Tracer)]
        self.fixed = {i: leaf for i, leaf in enumerate(leaves) if not isinstance(leaf, Tracer)}
        self._is_made = [i not in self.fixed for i in range(len(leaves))]
        captured = [found.spec.basis for found in graph.captured.values()]
        self.basis: Basis | None = same_basis([*(spec.basis for spec in specs), *captured])
        self.evaluator = Evaluator(graph, self.outputs, self.basis)

    def known(self, operands: list[Operand]) -> dict[Node, Operand]:
        """The operands by the node they stand for."""
        return dict(zip(self.inputs, operands, strict=True))

    def __call__(self, operands: list[Operand], way: Way, out: Tree = None) -> Any:
        """The results, in the containers the function returned them in."""
        outs = outs_for(out, self.layout, self._is_made) if out is not None else []

        def into(likes: list[Like]) -> dict[Node, Planes | None]:
            return dict(zip(self.outputs, rooms(outs, likes, operands), strict=True))

        found = self.evaluator(self.known(operands), way, into if outs else None)
        done = apart([finished(one, node) for one, node in zip(found, self.outputs, strict=True)])
        made = take(outs, done, operands) if outs else [wrap(self._own(one, operands)) for one in done]
        if self.layout is None and made:
            return made[0]
        results = iter(made)
        return rebuilt(self.layout, [next(results) if own else _again(self.fixed[i]) for i, own in enumerate(self._is_made)])

    def _own(self, found: Operand, operands: list[Operand]) -> Operand:
        """The result, in memory of its own where it is part of a plain argument, or of what the function took from outside."""
        others = [*self.evaluator.graph.captured.values(), *(operands if found.spec.basis is None else [])]
        shared = any(share_memory(found.planes, given.planes) for given in others)
        return owned(found) if shared else found

    def repeated(self, operands: list[Operand], way: Way) -> Repeat | None:
        """What calls on such operands become from the second on, where they are kernels alone."""
        parts = None if self.fixed else self.evaluator.prepare(self.known(operands), way)
        if parts is None:
            return None
        built = None if self.layout is None else partial(rebuilt, self.layout)
        return repeat(parts, self.inputs, self.evaluator.graph.captured, self.outputs, built)


def _again(fixed: Any) -> Any:
    """What every call returns: an array that may be written to is another each time."""
    return fixed.copy() if isinstance(fixed, TaylorArray | np.ndarray) else fixed
