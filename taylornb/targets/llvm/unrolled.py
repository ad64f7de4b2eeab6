"""A program as LLVM's language: every instruction once, on vectors of elements, in one loop over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...program import Instruction, Operand, Program, Ref
from ..reference import real
from . import frame
from .functions import PLAIN, cast, elementary, truth
from .text import Code, Dtype, Module, Vector

TRUTH = np.dtype(bool)
DOUBLE = np.dtype(np.float64)


def source(program: Program, follows: Sequence[bool], width: int, path: str) -> str:
    """The text of a kernel.

    Args:
        program: What it computes.
        follows: For each input that is read, whether it follows the inner axis of the elements; otherwise one
            element serves a whole row.
        width: The bytes of the vectors.
        path: How elementary functions are computed.
    """
    arrays = frame.arrays(program, follows)
    lanes = width // max([dtype.itemsize for dtype in _floats(program)], default=8)
    code = Code(Module())
    body = Body(program, code, lanes, path)
    return frame.text(code, arrays, lanes, body.write)


def _floats(program: Program) -> set[Dtype]:
    found = {ins.dtype for ins in program.instructions} | {out.dtype for out in program.outputs}
    return {dtype for dtype in found if dtype.kind == "f"}


class Body:
    """What is done to each vector of elements."""

    def __init__(self, program: Program, code: Code, lanes: int, path: str) -> None:
        self.program, self.code, self.lanes, self.path = program, code, lanes, path
        self._names: dict[int, str] = {}

    def write(self, rows: frame.Rows) -> None:
        """Append loads, instructions and stores."""
        for place, instruction in enumerate(self.program.instructions):
            if instruction.function == "load":
                self._names[place] = rows.load(*instruction.place)
        for place in ordered(self.program):
            self._names[place] = self._instruction(self.program.instructions[place])
        for store in self.program.stores:
            rows.store(store.output, store.row, self._term(store.operand, self.program.outputs[store.output].dtype))

    def _instruction(self, ins: Instruction) -> str:
        v = self._vector(ins.dtype)
        name = ins.function
        if name == "where":
            mask, chosen, other = (self._term(arg, TRUTH if n == 0 else ins.dtype) for n, arg in enumerate(ins.args))
            return v.select(mask, chosen, other)
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
        builder = elementary(name, ins.dtype, self.lanes, self.path)
        return builder(self._vector(ins.dtype, contract=False), *terms)

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
