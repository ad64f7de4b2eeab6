"""A program as LLVM's language: every instruction once, on vectors of elements, in one loop over them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...program import Instruction, Operand, Program, Ref
from ..reference import real
from . import frame
from .functions import PLAIN, cast, elementary, pair_of, truth, way_of
from .text import Code, Dtype, Module, Vector

TRUTH = np.dtype(bool)
DOUBLE = np.dtype(np.float64)
# Cycles until the result of an instruction is there, and cycles that it keeps a unit busy, about, on recent processors.
TIMES = {"load": (5, 1), "divide": (14, 16), "sqrt": (20, 24), "call": (60, 30)}
ISSUED = 2  # multiply-adds that start in a cycle
WAITING = 1.2  # how much longer the longest chain of results is than the work from which a second vector pays

ROWS = 12  # that are read, from which on a processor does not foresee what is read next
FOLLOWED = range(ROWS, 48)  # rows for which it is told; of more, only where they come from behind the caches
AHEAD = 256  # bytes


def source(program: Program, follows: Sequence[bool], width: int, path: str, streaming: bool = False) -> str:
    """The text of a kernel.

    Args:
        program: What it computes.
        follows: For each input that is read, whether it follows the inner axis of the elements; otherwise one
            element serves a whole row.
        width: The bytes of the vectors.
        path: How elementary functions are computed.
        streaming: Whether results go past the caches. Each row then starts at a cache line.
    """
    lanes = vectors(program) * width // max([dtype.itemsize for dtype in _floats(program)], default=8)
    code = Code(Module())
    body = Body(program, code, lanes, path, width)
    rows = len(program.loads)
    ahead = AHEAD if rows in FOLLOWED or (streaming and rows >= ROWS) else 0
    return frame.text(code, frame.arrays(program, follows), lanes, body.write, streaming=streaming, ahead=ahead)


def _floats(program: Program) -> set[Dtype]:
    found = {ins.dtype for ins in program.instructions} | {out.dtype for out in program.outputs}
    return {dtype for dtype in found if dtype.kind == "f"}


class Body:
    """What is done to each vector of elements, which may be several of the machine's, of `width` bytes each."""

    def __init__(self, program: Program, code: Code, lanes: int, path: str, width: int) -> None:
        self.program, self.code, self.lanes, self.path, self.width = program, code, lanes, path, width
        self._names: dict[int, str] = {}
        self._paired: dict[tuple[str, tuple[Operand, ...], Dtype], str] = {}  # functions that came with another one
        self._called = {(ins.function, ins.args, ins.dtype) for ins in program.instructions if is_call(ins)}

    def write(self, rows: frame.Ends) -> None:
        """Append loads, instructions and stores."""
        for place, instruction in enumerate(self.program.instructions):
            if instruction.function == "load":
                self._names[place] = rows.load(*instruction.place)
        for place in ordered(self.program):
            self._names[place] = self._instruction(self.program.instructions[place])
        for store in self.program.stores:
            rows.store(store.output, store.row, self._stored(store.operand, self.program.outputs[store.output].dtype))

    def _stored(self, operand: Operand, dtype: Dtype) -> str:
        """An operand in the dtype of an output, which may be wider: a float32 series to the power np.float64(1)."""
        term = self._term(operand, dtype)
        if isinstance(operand, Ref) and self._dtype(operand) != dtype:
            return cast(self._vector(dtype), term, self._dtype(operand))
        return term

    def _instruction(self, ins: Instruction) -> str:
        v = self._vector(ins.dtype)
        name = ins.function
        if name == "where":
            condition, *choice = ins.args
            mask = self._term(condition, TRUTH)
            if isinstance(condition, Ref) and self._dtype(condition) != TRUTH:
                mask = cast(self._vector(TRUTH), mask, self._dtype(condition))
            return v.select(mask, *(self._term(arg, ins.dtype) for arg in choice))
        if name == "cast":
            (arg,) = ins.args
            assert isinstance(arg, Ref)
            return cast(v, self._names[arg.place], self._dtype(arg))
        if ins.dtype.kind == "b" and name != "literal":
            of = next((self._dtype(arg) for arg in ins.args if isinstance(arg, Ref)), TRUTH)
            return truth(self._vector(of), name, *(self._term(arg, of) for arg in ins.args))
        terms = [self._term(arg, ins.dtype) for arg in ins.args]
        if name in PLAIN:
            return PLAIN[name](v, *terms)
        if name == "scaled_zeta":  # its second argument is a whole number that the program states
            terms[1] = int(real(ins.args[1]))  # type: ignore[arg-type, call-overload]
        return self._call(ins, terms)

    def _call(self, ins: Instruction, terms: list[str]) -> str:
        v, pair = self._vector(ins.dtype, contract=False), pair_of(ins.function, ins.dtype, self.lanes, self.path)
        if pair is not None and self._called.issuperset((name, ins.args, ins.dtype) for name in pair[0]):
            if (ins.function, ins.args, ins.dtype) not in self._paired:
                for name, result in zip(pair[0], pair[1](v, *terms), strict=True):
                    self._paired[name, ins.args, ins.dtype] = result
            return self._paired[ins.function, ins.args, ins.dtype]
        most = self.width // ins.dtype.itemsize
        if self.lanes > most and way_of(ins.function, ins.dtype, most, self.path) == "libmvec":
            return v.piecewise(most, elementary(ins.function, ins.dtype, most, self.path), *terms)
        return elementary(ins.function, ins.dtype, self.lanes, self.path)(v, *terms)

    def _vector(self, dtype: Dtype, contract: bool = True) -> Vector:
        return Vector(self.code, self.lanes, dtype, contract)

    def _dtype(self, operand: Ref) -> Dtype:
        return self.program.instructions[operand.place].dtype

    def _term(self, operand: Operand, dtype: Dtype) -> str:
        if isinstance(operand, Ref):
            return self._names[operand.place]
        if dtype.kind == "b":
            return f"splat (i1 {str(bool(real(operand))).lower()})"
        return self._vector(dtype).constant(real(operand))


def ordered(program: Program) -> list[int]:
    """The places of the instructions other than loads: first all that calls of functions need, then the rest.

    A call leaves no vector register untouched, so that it is best made while few results are waiting.
    """
    instructions = program.instructions
    early = set[int]()
    waiting = [place for place, ins in enumerate(instructions) if is_call(ins)]
    while waiting:
        place = waiting.pop()
        if place not in early:
            early.add(place)
            waiting += [arg.place for arg in instructions[place].args if isinstance(arg, Ref)]
    others = [place for place, ins in enumerate(instructions) if ins.function != "load"]
    return sorted(others, key=lambda place: (place not in early, place))


def is_call(ins: Instruction) -> bool:
    """Whether the instruction is more than LLVM has an instruction for."""
    return ins.dtype.kind == "f" and ins.function not in PLAIN and ins.function not in ("load", "where", "cast")


def vectors(program: Program) -> int:
    """How many vectors of the machine are computed at a time.

    Two, where results wait for one another longer than it takes to compute them: the second vector fills the gaps. Where there
    are none it would only want registers. The border was measured: 0.65 to 0.95 times the time above it, up to twice below.
    One, where many rows are read: two lines of each at a time took up to 1.5 times as long, and more outside the caches.
    """
    if len(program.loads) >= ROWS:
        return 1
    waiting, ready, work = 0, list[int](), 0
    for ins in program.instructions:
        latency, cycles = TIMES["call"] if is_call(ins) else TIMES.get(ins.function, (4, 1))
        ready.append(latency + max([ready[arg.place] for arg in ins.args if isinstance(arg, Ref)], default=0))
        work += cycles
        waiting = max(waiting, ready[-1])
    return 2 if waiting > WAITING * work / ISSUED else 1
