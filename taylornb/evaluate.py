"""How a graph becomes results: kernels over its elementwise parts, structure ops between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from .basis import PLAIN, Basis
from .device import owned
from .errors import UnsupportedError
from .forms import Way, fits_a_gpu, is_looped, may_be_looped
from .graph import Node, walk
from .launch import Prepared, broadcast_shape, launch, prepare
from .loops import estimate, roll
from .operand import Operand, Planes, Spec
from .pressure import eased
from .program import Program
from .rolled import Rolled
from .series import output_dtype, write
from .threads import lock
from .trace import Tracing

Known = dict[Node, Operand]
Signature = tuple[tuple[Node, Spec, tuple[int, ...]], ...]  # what is known: each node, what it is like, its shape
Run = Callable[[Program | Rolled, Sequence[Operand], Sequence[Planes | None]], list[Any]]
Like = tuple[Spec, tuple[int, ...]]  # what is known of a result before it is computed: its shape is that of the elements
Into = Callable[[list[Like]], Mapping[Node, Planes | None]]

_writing = lock()


class Part(NamedTuple):
    """A kernel of a plan: the nodes it computes, from which nodes, by which program, and what they will be like."""

    nodes: tuple[Node, ...]
    sources: tuple[Node, ...]
    program: Program | Rolled
    likes: tuple[Like, ...]


class Evaluator:
    """A traced graph and the programs written for it, one for each way its inputs have come.

    Args:
        graph: The graph.
        outputs: The nodes whose series are wanted.
        basis: The basis of the series, None if all is plain.
    """

    def __init__(self, graph: Tracing, outputs: Sequence[Node], basis: Basis | None) -> None:
        self.graph, self.outputs, self.basis = graph, tuple(outputs), basis
        self._plan: Callable[[tuple[Node, ...], Signature, Way], tuple[Part, ...]] = lru_cache(maxsize=64)(self._parts)
        self._program: Callable[..., Program | Rolled] = lru_cache(maxsize=64)(self._written)

    @cached_property
    def _structure(self) -> tuple[Node, ...]:
        return tuple(node for node in walk(self.outputs) if node.op.kind == "structure")

    def __call__(self, known: Known, way: Way, into: Into | None = None) -> list[Operand]:
        """The outputs, given the inputs.

        Args:
            known: The inputs.
            way: The target and the form.
            into: Told what the outputs will be like before the first of them is written, gives planes for those it
                has some for; an elementwise output is written there if it fits.
        """
        return self._stages(known, way, lambda program, operands, given: launch(program, operands, way, given), into)

    def prepare(self, known: Known, way: Way) -> list[tuple[Part, Prepared]] | None:
        """The kernels of a call, in the order they run, and what they are called with.

        None where something else than kernels is run, or an output is one of the inputs.
        """
        if self._structure:
            return None
        known = {**known, **self.graph.captured}
        parts = self._plan(self.outputs, _signature(known), way)
        if not {node for part in parts for node in part.nodes}.issuperset(self.outputs):
            return None
        found = []
        for part in parts:
            own = prepare(part.program, [known[node] for node in part.sources], way)
            if own is None:
                return None
            found.append((part, own))
        return found

    def programs(self, known: Known, way: Way) -> list[Program | Rolled]:
        """The programs of a call, in the order they run."""
        found: list[Program | Rolled] = []
        known = {node: _on_the_processor(one) for node, one in {**known, **self.graph.captured}.items()}

        def remember(program: Program | Rolled, operands: Sequence[Operand], given: Sequence[Planes | None]) -> list[Any]:
            found.append(program)
            shape = broadcast_shape([one.shape for one in operands])
            return [np.broadcast_to(out.dtype.type(0), (len(out.support.rows), *shape)) for out in program.outputs]

        self._stages(known, way, remember)
        return found

    def whole(self, inputs: Sequence[tuple[Node, Spec]]) -> Program:
        """The one program of all outputs, element by element.

        Args:
            inputs: The inputs of the program, and what they are.

        Raises:
            UnsupportedError: Where there is none, since elements are moved or added, or arrays are taken from outside.
        """
        if self._structure or self.graph.captured:
            what = f"contains {self._structure[0].op.name}" if self._structure else "takes an array from outside"
            raise UnsupportedError(f"a function of scalars acts on one element, and this one {what}; make it an argument")
        with _writing:
            slots = {node: (slot, spec) for slot, (node, spec) in enumerate(inputs)}
            return eased(write(self.graph, self.outputs, slots, self.basis or PLAIN, by_node=True))

    def _stages(self, known: Known, way: Way, run: Run, into: Into | None = None) -> list[Operand]:
        if self.graph.captured:
            known = {**known, **self.graph.captured}
        for node in self._structure:
            assert node.op.body is not None
            args = self._elementwise(node.args, known, way, run)
            known = {**known, **dict(zip(node.args, args, strict=True))}  # what comes after starts from these
            known[node] = _floating(node.op.body(args, *node.params))
        return self._elementwise(self.outputs, known, way, run, into)

    def _elementwise(
        self, nodes: tuple[Node, ...], known: Known, way: Way, run: Run, into: Into | None = None
    ) -> list[Operand]:
        """The nodes from what is known, in one kernel for each shape that comes out."""
        parts = self._plan(nodes, _signature(known), way)
        rooms = into(_likes(nodes, parts, known)) if into else {}
        found: Known = {}
        for part in parts:
            given = _rooms(part, rooms) if rooms else ()
            planes = run(part.program, [known[node] for node in part.sources], given)
            for node, plane, (spec, _) in zip(part.nodes, planes, part.likes, strict=True):
                found[node] = Operand(plane, spec)
        return [found[node] if node in found else known[node] for node in nodes]

    def _parts(self, nodes: tuple[Node, ...], signature: Signature, way: Way) -> tuple[Part, ...]:
        shapes = {node: shape for node, _, shape in signature}
        specs = {node: spec for node, spec, _ in signature}
        by_shape: dict[tuple[int, ...], list[Node]] = {}
        sources = {node: _sources(node, frozenset(shapes)) for node in dict.fromkeys(nodes) if node not in shapes}
        for node, inputs in sources.items():
            by_shape.setdefault(broadcast_shape([shapes[arg] for arg in inputs]), []).append(node)
        found = []
        for shape, together in by_shape.items():
            inputs = tuple(dict.fromkeys(arg for node in together for arg in sources[node]))
            program = self._program(tuple(together), tuple((arg, specs[arg]) for arg in inputs), way)
            found.append(self._part(tuple(together), inputs, program, shape))
        return tuple(found)

    def _part(
        self, nodes: tuple[Node, ...], inputs: tuple[Node, ...], program: Program | Rolled, shape: tuple[int, ...]
    ) -> Part:
        outputs = zip(nodes, program.outputs, strict=True)
        found = (Spec(output.support, node.dtype, self.basis if node.series else None) for node, output in outputs)
        return Part(nodes, inputs, program, tuple((spec, shape) for spec in found))

    def _written(self, nodes: tuple[Node, ...], inputs: tuple[tuple[Node, Spec], ...], way: Way) -> Program | Rolled:
        slots, basis = {node: (slot, spec) for slot, (node, spec) in enumerate(inputs)}, self.basis or PLAIN
        with _writing:  # it adds the nodes of equations to the graph
            if may_be_looped(way, (spec.dtype for _, spec in inputs)):
                count = len(walk(nodes, slots.__contains__))
                if is_looped(lambda: estimate(self.graph, nodes, slots, basis), count, basis, way):
                    return roll(self.graph, nodes, slots, basis, listed=way[0] == "cuda")
            if way[0] != "cuda":
                return write(self.graph, nodes, slots, basis)
            program = eased(write(self.graph, nodes, slots, basis, by_node=True))
            if way[1] is None and not fits_a_gpu(program):
                rolled = roll(self.graph, nodes, slots, basis, listed=True)
                return rolled if rolled.loops else program
            return program


def _floating(found: Operand) -> Operand:
    """What kernels take: NumPy counts truth values in whole numbers."""
    if found.planes.dtype.kind not in "iu":
        return found
    planes = found.planes.astype(np.float64)
    return Operand(planes, Spec(found.spec.support, planes.dtype, found.spec.basis))


def _on_the_processor(known: Operand) -> Operand:
    """An operand like one on a GPU: what is made of it is on the processor, as the results of `programs` are."""
    planes = known.planes
    return known if planes.device == "cpu" else Operand(np.broadcast_to(planes.dtype.type(0), planes.shape), known.spec)


def _signature(known: Known) -> Signature:
    return tuple([(node, one.spec, one.planes.shape[1:]) for node, one in known.items()])


def finished(found: Operand, node: Node) -> Operand:
    """A result as it leaves: Python numbers alone have become float64, and the value has memory."""
    spec = found.spec
    if 0 not in spec.support.row and found.values is None:
        return owned(found)
    if spec.dtype is None:
        spec = Spec(spec.support, output_dtype(node), spec.basis)
    return Operand(np.asarray(found.planes) if found.planes.device == "cpu" else found.planes, spec, values=found.values)


def _likes(nodes: tuple[Node, ...], parts: tuple[Part, ...], known: Known) -> list[Like]:
    """What the nodes will be like: those of the parts, and those that are known."""
    like = {node: found for part in parts for node, found in zip(part.nodes, part.likes, strict=True)}
    return [like[node] if node in like else (known[node].spec, known[node].shape) for node in nodes]


def _rooms(part: Part, rooms: Mapping[Node, Planes | None]) -> list[Planes | None]:
    """For each output of the part the first rows of the planes given for it, if there are enough of them."""
    given = (rooms.get(node) for node in part.nodes)
    counts = (len(output.support.rows) for output in part.program.outputs)
    return [None if room is None or len(room) < count else room[:count] for room, count in zip(given, counts, strict=True)]


def _sources(node: Node, known: frozenset[Node]) -> tuple[Node, ...]:
    """The known nodes that a node is computed from."""
    return tuple(found for found in walk([node], known.__contains__) if found in known)
