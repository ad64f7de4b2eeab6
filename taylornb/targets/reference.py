"""No compiler at all: the instructions of a program, one after the other, on NumPy arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import libm
from ..number import Constant, Number
from ..program import Dtype, Instruction, Operand, Program, Ref

Array = NDArray[Any]
DOUBLE = np.dtype(np.float64)
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

    def over_arrays(x: Array, *rest: float) -> Array:
        numbers = tuple(map(float, rest))
        called = np.frompyfunc(lambda item: function(item, *numbers), 1, 1) if rest else many
        return np.asarray(called(np.asarray(x, dtype=np.float64)), dtype=np.float64).astype(x.dtype)

    return over_arrays


def sech2(x: Array) -> Array:
    """1/cosh²: the square of 2e/(1 + e²), e = exp(−|x|), which neither overflows nor is subnormal before the result is."""
    small = np.exp(-np.abs(x))
    return np.asarray(np.square(2 * small / (1 + small * small)))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "madd": lambda total, a, b: total + a * b,
    "msub": lambda total, a, b: total - a * b,
    "literal": lambda x: x,
    "sech2": sech2,
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
        return dtype.type(real(value))

    def function(self, instruction: Instruction) -> Callable[..., Any]:
        """What computes an instruction from its arguments."""
        if instruction.function == "cast":
            return lambda x: x.astype(instruction.dtype)
        return function(instruction.function)


class Step(NamedTuple):
    """One instruction of a tape: what computes it, the places of its arguments, and the places nothing reads after it."""

    function: Callable[..., Any]
    args: tuple[int, ...]
    dead: tuple[int, ...]


class Tape(NamedTuple):
    """A program made ready to run: the numbers stand behind the results of the instructions.

    Attributes:
        loads: The (place, input, row) of each plane that is read.
        steps: The other instructions, with their places.
        numbers: The numbers they use.
        stores: The (output, row, place) of what is written.
    """

    loads: tuple[tuple[int, int, int], ...]
    steps: tuple[tuple[int, Step], ...]
    numbers: tuple[Any, ...]
    stores: tuple[tuple[int, int, int], ...]


def tape(program: Program, machine: Machine) -> Tape:
    """The tape of a program."""
    instructions, numbers = program.instructions, list[Any]()
    places: dict[tuple[Number, Dtype], int] = {}

    def place(operand: Operand, dtype: Dtype) -> int:
        if isinstance(operand, Ref):
            return operand.place
        if (operand, dtype) not in places:
            places[operand, dtype] = len(instructions) + len(numbers)
            numbers.append(machine.number(operand, dtype))
        return places[operand, dtype]

    loads = tuple((n, *ins.place) for n, ins in enumerate(instructions) if ins.function == "load")
    steps = []
    for n, (ins, dead) in enumerate(zip(instructions, last_uses(program), strict=True)):
        if ins.function != "load":
            args = tuple(place(arg, DOUBLE if ins.function == "scaled_zeta" else ins.dtype) for arg in ins.args)
            steps.append((n, Step(machine.function(ins), args, dead)))
    stores = tuple((s.output, s.row, place(s.operand, program.outputs[s.output].dtype)) for s in program.stores)
    return Tape(loads, tuple(steps), tuple(numbers), stores)  # type: ignore[arg-type]


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


_numpy_tape = lru_cache(maxsize=4096)(lambda program: tape(program, Machine()))


def run(program: Program, inputs: Sequence[Array], outputs: Sequence[Array], machine: Machine | None = None) -> None:
    """Fill the outputs, each (rows, *shape), from inputs of (rows, *shape) that broadcast to it."""
    loads, steps, numbers, stores = tape(program, machine) if machine else _numpy_tape(program)
    found: list[Any] = [None] * len(program.instructions)
    found += numbers
    for n, slot, row in loads:
        found[n] = inputs[slot][row]
    with np.errstate(all="ignore"):
        for n, (function, args, dead) in steps:
            found[n] = function(*[found[place] for place in args])
            for place in dead:
                found[place] = None
        for output, row, place in stores:
            outputs[output][row, ...] = found[place]
