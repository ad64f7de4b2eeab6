"""No compiler at all: the instructions of a program, one after the other, on NumPy arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from operator import itemgetter
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import libm
from ..number import Constant, Number
from ..program import Dtype, Instruction, Operand, Program, Ref
from .zetas import Zetas

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
    """A function of floats as one of arrays, in the dtype of the argument."""
    many = np.frompyfunc(function, 1, 1)

    def over_arrays(x: Array) -> Array:
        return np.asarray(many(np.asarray(x, dtype=np.float64)), dtype=np.float64).astype(x.dtype)

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
}
# Functions f(x, s) of a whole number s, each with what makes of a last number what computes them for s = 2 … last together.
CHAINS: dict[str, Callable[[int], Callable[[Array], Array]]] = {"scaled_zeta": Zetas}


def function(name: str) -> Callable[..., Any]:
    """The function an instruction names: NumPy's, unless the table says otherwise."""
    found: Callable[..., Any] = FUNCTIONS.get(name) or getattr(np, name)
    return found


class Machine:
    """The scalars of a run: NumPy arrays.

    Attributes:
        chains: The functions that are computed for several whole numbers together.
    """

    chains: ClassVar[Mapping[str, Callable[[int], Callable[[Any], Any]]]] = CHAINS

    def number(self, value: Number, dtype: Dtype) -> Any:
        """A number as an array of the dtype without axes, which NumPy takes sooner than a scalar."""
        return np.array(real(value), dtype)

    def function(self, instruction: Instruction) -> Callable[..., Any]:
        """What computes an instruction from its arguments."""
        if instruction.function == "cast":
            return lambda x: x.astype(instruction.dtype)
        return function(instruction.function)


class Step(NamedTuple):
    """One instruction of a tape.

    Attributes:
        function: What computes it.
        args: What takes its arguments from all there is.
        dead: The places that nothing reads after it.
    """

    function: Callable[..., Any]
    args: Callable[[list[Any]], Sequence[Any]]
    dead: tuple[int, ...]


class Chain(NamedTuple):
    """Instructions f(x, s) on one x, which are computed together.

    Attributes:
        places: Of their results.
        function: What computes f for s = 2 … last, one after the other along a new axis.
    """

    places: tuple[int, ...]
    function: Callable[[Any], Any]


class Tape(NamedTuple):
    """A program made ready to run: the numbers stand behind the results of the instructions, and so does what chains give.

    Attributes:
        loads: The (place, input, row) of each plane that is read.
        steps: The other instructions, with their places.
        numbers: The numbers they use; None where a chain will stand.
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

    def behind(number: Any) -> int:
        numbers.append(number)
        return len(instructions) + len(numbers) - 1

    def place(operand: Operand, dtype: Dtype) -> int:
        if isinstance(operand, Ref):
            return operand.place
        if (operand, dtype) not in places:
            places[operand, dtype] = behind(machine.number(operand, dtype))
        return places[operand, dtype]

    loads = tuple((n, *ins.place) for n, ins in enumerate(instructions) if ins.function == "load")
    chains, wholes, steps = chains_of(program, machine), dict[Chain, int](), list[tuple[int, Step]]()
    for n, (ins, dead) in enumerate(zip(instructions, last_uses(program), strict=True)):
        if chain := chains.get(n):
            if chain not in wholes:
                wholes[chain] = behind(None)
                steps.append((wholes[chain], Step(chain.function, taking([place(ins.args[0], ins.dtype)]), ())))
            whole = wholes[chain]
            last = (whole,) if n == chain.places[-1] else ()
            steps.append((n, Step(itemgetter(order(ins) - 2), taking([whole]), dead + last)))
        elif ins.function != "load":
            args = [place(arg, ins.dtype) for arg in ins.args]
            steps.append((n, Step(machine.function(ins), taking(args), dead)))
    stores = tuple((s.output, s.row, place(s.operand, program.outputs[s.output].dtype)) for s in program.stores)
    return Tape(loads, tuple(steps), tuple(numbers), stores)  # type: ignore[arg-type]


def taking(places: Sequence[int]) -> Callable[[list[Any]], Sequence[Any]]:
    """What takes the items at the places from a list."""
    return itemgetter(*places) if len(places) > 1 else itemgetter(slice(places[0], places[0] + 1))


def chains_of(program: Program, machine: Machine) -> dict[int, Chain]:
    """For each instruction that is computed with others its chain."""
    members: dict[tuple[Any, ...], list[int]] = {}
    for n, ins in enumerate(program.instructions):
        if ins.function in machine.chains:
            members.setdefault((ins.function, ins.args[0], ins.dtype), []).append(n)
    found = dict[int, Chain]()
    for (function, *_), places in members.items():
        last = max(order(program.instructions[n]) for n in places)
        found |= dict.fromkeys(places, Chain(tuple(places), machine.chains[function](last)))
    return found


def order(instruction: Instruction) -> int:
    """The whole number s of an instruction f(x, s)."""
    s = instruction.args[1]
    assert isinstance(s, Fraction)
    return int(s)


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
            found[n] = function(*args(found))
            for place in dead:
                found[place] = None
        for output, row, place in stores:
            outputs[output][row, ...] = found[place]
