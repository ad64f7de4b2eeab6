"""No compiler at all: the instructions of a program, one after the other, on NumPy arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import libm
from ..number import Constant, Number
from ..program import Dtype, Instruction, Program, Ref

Array = NDArray[Any]
NUMBERS = {
    "ln2": math.log(2),
    "log2(e)": 1 / math.log(2),
    "log10(e)": 1 / math.log(10),
    "2/sqrt(pi)": 2 / math.sqrt(math.pi),
    "inf": math.inf,
    "-inf": -math.inf,
    "nan": math.nan,
    "-0.0": -0.0,
}


def real(number: Number) -> float:
    """The nearest float64."""
    if isinstance(number, Constant):
        return NUMBERS[number.name]
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def elementwise(function: Callable[..., float]) -> Callable[..., Array]:
    """A function of floats as one of arrays, in the dtype of the first argument."""
    many = np.frompyfunc(function, 1, 1)

    def over_arrays(x: Array, *rest: Any) -> Array:
        called = np.frompyfunc(lambda item: function(item, *rest), 1, 1) if rest else many
        return np.asarray(called(np.asarray(x, dtype=np.float64)), dtype=np.float64).astype(x.dtype)

    return over_arrays


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "madd": lambda total, a, b: total + a * b,
    "msub": lambda total, a, b: total - a * b,
    "cast": lambda x: x,
    "literal": lambda x: x,
    "erf": elementwise(math.erf),
    "erfc": elementwise(math.erfc),
    "gammaln": elementwise(libm.gammaln),
    "digamma": elementwise(libm.digamma),
    "scaled_zeta": elementwise(libm.scaled_zeta),
}


def function(name: str) -> Callable[..., Any]:
    """The function an instruction names: NumPy's, unless the table says otherwise."""
    found: Callable[..., Any] = FUNCTIONS.get(name) or getattr(np, name)
    return found


class Machine:
    """The scalars of a run: NumPy arrays."""

    def number(self, value: Number, dtype: Dtype) -> Any:
        """A number as a scalar of the dtype."""
        return dtype.type(real(value)) if dtype.kind != "b" else real(value)

    def call(self, instruction: Instruction, args: list[Any]) -> Any:
        """The result of one instruction."""
        if instruction.function == "scaled_zeta":
            args = [args[0], float(args[1])]
        result = function(instruction.function)(*args)
        return np.asarray(result, dtype=instruction.dtype)


@lru_cache(maxsize=1024)
def last_uses(program: Program) -> tuple[tuple[int, ...], ...]:
    """For each instruction, the results that nothing after it reads."""
    last = {arg.place: n for n, ins in enumerate(program.instructions) for arg in ins.args if isinstance(arg, Ref)}
    for store in program.stores:
        if isinstance(store.operand, Ref):
            last.pop(store.operand.place, None)
    dead: list[list[int]] = [[] for _ in program.instructions]
    for place, n in last.items():
        dead[n].append(place)
    return tuple(map(tuple, dead))


def run(program: Program, inputs: Sequence[Array], outputs: Sequence[Array], machine: Machine | None = None) -> None:
    """Fill the outputs, each (rows, *shape), from inputs of (rows, *shape) that broadcast to it."""
    machine = machine or Machine()
    results: dict[int, Any] = {}
    with np.errstate(all="ignore"):
        for n, (instruction, dead) in enumerate(zip(program.instructions, last_uses(program), strict=True)):
            if instruction.function == "load":
                slot, row = instruction.place
                results[n] = inputs[slot][row]
            else:
                args = [
                    results[a.place] if isinstance(a, Ref) else machine.number(a, instruction.dtype) for a in instruction.args
                ]
                results[n] = machine.call(instruction, args)
            for place in dead:
                del results[place]
        for output, row, operand in program.stores:
            dtype = outputs[output].dtype
            outputs[output][row, ...] = results[operand.place] if isinstance(operand, Ref) else machine.number(operand, dtype)
