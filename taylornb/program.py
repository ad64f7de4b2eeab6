"""What a target runs: a list of scalar instructions that knows nothing of Taylor series, and its cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from .number import Number
from .support import Support

Dtype = np.dtype[Any]
ARITHMETIC = frozenset(("add", "subtract", "multiply", "negative", "madd", "msub"))
CHEAP = frozenset(
    ("load", "literal", "cast", "divide", "where", "absolute", "sign", "floor", "ceil", "rint", "trunc", "copysign")
)


class Ref(NamedTuple):
    """The result of the instruction at a place: no int, since the number 2 must not equal the third result."""

    place: int


Operand = Ref | Number
Scalar = Operand | None  # None is a structural zero


class Instruction(NamedTuple):
    """One scalar operation. `place` is (input, row) for a load and empty for all others."""

    function: str
    args: tuple[Operand, ...]
    dtype: Dtype
    place: tuple[int, ...] = ()


class Store(NamedTuple):
    """A result that is written to a row of an output."""

    output: int
    row: int
    operand: Operand


@dataclass(frozen=True)
class Output:
    """Where the coefficients of one output are."""

    support: Support
    dtype: Dtype


@dataclass(frozen=True)
class Program:
    """Scalar instructions, each using only earlier ones, and the stores of their results."""

    instructions: tuple[Instruction, ...]
    stores: tuple[Store, ...]
    outputs: tuple[Output, ...]

    @cached_property
    def _hash(self) -> int:
        return hash((self.instructions, self.stores, self.outputs))

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def loads(self) -> tuple[tuple[int, int, Dtype], ...]:
        """The (input, row, dtype) of every plane that is read."""
        return tuple((*ins.place, ins.dtype) for ins in self.instructions if ins.function == "load")  # type: ignore[misc]

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        """The inputs that are read, ascending; the others never reach the target."""
        return tuple(sorted({slot for slot, _, _ in self.loads}))

    @cached_property
    def cost(self) -> Cost:
        """What one element costs."""
        count = Counter(ins.function for ins in self.instructions)
        numeric = Counter(ins.function for ins in self.instructions if ins.dtype.kind != "b")
        calls = {name: n for name, n in numeric.items() if name not in ARITHMETIC | CHEAP}
        read = sum(dtype.itemsize for _, _, dtype in self.loads)
        written = sum(self.outputs[store.output].dtype.itemsize for store in self.stores)
        return Cost(
            statements=len(self.instructions) - count["load"],
            multiply_adds=sum(count[name] for name in ARITHMETIC),
            divisions=count["divide"],
            functions=tuple(sorted(calls.items())),
            bytes=read + written,
        )


@dataclass(frozen=True)
class Cost:
    """What one element of a kernel costs; what moves elements between kernels is not counted.

    Attributes:
        statements: Lines of the program other than loads and stores.
        multiply_adds: Additions, multiplications and the two together, each as one.
        divisions: Divisions.
        functions: The elementary functions that are called, (name, how often).
        bytes: Bytes read and written, every argument counted as a full array.
    """

    statements: int
    multiply_adds: int
    divisions: int
    functions: tuple[tuple[str, int], ...]
    bytes: int

    @property
    def calls(self) -> int:
        """How many elementary functions are called."""
        return sum(n for _, n in self.functions)

    @property
    def intensity(self) -> float:
        """Multiply-adds for each byte moved."""
        return self.multiply_adds / self.bytes if self.bytes else 0.0

    def __add__(self, other: Cost) -> Cost:
        calls = Counter(dict(self.functions)) + Counter(dict(other.functions))
        return Cost(
            self.statements + other.statements,
            self.multiply_adds + other.multiply_adds,
            self.divisions + other.divisions,
            tuple(sorted(calls.items())),
            self.bytes + other.bytes,
        )


NO_COST = Cost(0, 0, 0, (), 0)


@dataclass(frozen=True)
class Writer:
    """Collects instructions, each distinct one once."""

    _places: dict[Instruction, int] = field(default_factory=dict)
    _dtypes: list[Dtype] = field(default_factory=list)

    def emit(self, function: str, args: tuple[Operand, ...], dtype: Dtype, place: tuple[int, ...] = ()) -> Ref:
        """The result of the instruction."""
        instruction = Instruction(function, args, dtype, place)
        if instruction not in self._places:
            self._places[instruction] = len(self._places)
            self._dtypes.append(dtype)
        return Ref(self._places[instruction])

    def cast(self, scalar: Scalar, dtype: Dtype) -> Operand:
        """The scalar in the dtype; truth values are left alone and a structural zero becomes 0."""
        if isinstance(scalar, Ref) and self._dtypes[scalar.place] != dtype:
            return self.emit("cast", (scalar,), dtype)
        return Fraction(0) if scalar is None else scalar

    def dtype(self, operand: Ref) -> Dtype:
        """The kind of a result."""
        return self._dtypes[operand.place]

    def is_truth(self, operand: Ref) -> bool:
        """Whether the result is a truth value."""
        return self._dtypes[operand.place].kind == "b"

    def program(self, stores: Sequence[Store], outputs: Sequence[Output]) -> Program:
        """The program of all that the stores need, renumbered without the rest."""
        instructions = list(self._places)
        live = set[int]()
        waiting = list(_places(store.operand for store in stores))
        while waiting:
            place = waiting.pop()
            if place not in live:
                live.add(place)
                waiting.extend(_places(instructions[place].args))
        new = {old: n for n, old in enumerate(sorted(live))}
        kept = tuple(instructions[old]._replace(args=_renumbered(instructions[old].args, new)) for old in new)
        moved = tuple(store._replace(operand=_renumbered((store.operand,), new)[0]) for store in stores)
        return Program(kept, moved, tuple(outputs))


@dataclass(frozen=True)
class Scalars:
    """Arithmetic on scalars of one dtype: each result is an instruction, a number, or a structural zero.

    Numbers are folded exactly. Structural zeros (None) and ones are used; nothing else is simplified, since
    x·0 and x − x are not zero where x is infinite.
    """

    writer: Writer
    dtype: Dtype

    def add(self, a: Scalar, b: Scalar) -> Scalar:
        """The sum."""
        if a is None or b is None:
            return b if a is None else a
        return a + b if _exact(a) and _exact(b) else self._emit("add", a, b)

    def subtract(self, a: Scalar, b: Scalar) -> Scalar:
        """The difference."""
        if a is None or b is None:
            return self.negative(b) if a is None else a
        return a - b if _exact(a) and _exact(b) else self._emit("subtract", a, b)

    def negative(self, a: Scalar) -> Scalar:
        """The opposite."""
        if a is None:
            return None
        return -a if isinstance(a, Fraction) and a else self._emit("negative", a)

    def multiply(self, a: Scalar, b: Scalar) -> Scalar:
        """The product."""
        if a is None or b is None:
            return None
        if _exact(a) and _exact(b):
            return a * b
        for one, other in ((a, b), (b, a)):
            if isinstance(one, Fraction) and one in (1, -1):
                return other if one == 1 else self.negative(other)
        return self._emit("multiply", a, b)

    def madd(self, total: Scalar, a: Scalar, b: Scalar) -> Scalar:
        """The total with a·b added."""
        if total is None or a is None or b is None or _simple(a) or _simple(b) or (_exact(a) and _exact(b)):
            return self.add(total, self.multiply(a, b))
        return self._emit("madd", total, a, b)

    def msub(self, total: Scalar, a: Scalar, b: Scalar) -> Scalar:
        """The total with a·b taken away."""
        if total is None or a is None or b is None or _simple(a) or _simple(b) or (_exact(a) and _exact(b)):
            return self.subtract(total, self.multiply(a, b))
        return self._emit("msub", total, a, b)

    def divide(self, a: Scalar, b: Scalar) -> Scalar:
        """The quotient."""
        if a is None:
            return None
        b = Fraction(0) if b is None else b
        if isinstance(b, Fraction) and b and (isinstance(a, Fraction) or abs(b) == 1):
            return a / b if isinstance(a, Fraction) else self.multiply(b, a)
        return self._emit("divide", a, b)

    def where(self, condition: Scalar, a: Scalar, b: Scalar) -> Scalar:
        """The first where the condition holds, else the second."""
        if condition is None or isinstance(condition, Fraction) or a == b:
            return a if condition or a == b else b
        chosen = (self.writer.cast(a, self.dtype), self.writer.cast(b, self.dtype))
        return self.writer.emit("where", (condition, *chosen), self.dtype)

    def call(self, function: str, *args: Scalar) -> Scalar:
        """A function that the target has under this name."""
        return self._emit(function, *args)

    def truth(self, function: str, *args: Scalar) -> Scalar:
        """A function whose result is a truth value; its operands are compared in this dtype."""
        typed = (self.writer.cast(arg, self.dtype) for arg in args)
        operands = (a if isinstance(a, Ref) else self.writer.emit("literal", (a,), self.dtype) for a in typed)
        return self.writer.emit(function, tuple(operands), np.dtype(bool))

    def logic(self, function: str, *args: Scalar) -> Scalar:
        """A function of truth values; a number is true where it is not 0."""
        return self.writer.emit(function, tuple(self._condition(arg) for arg in args), np.dtype(bool))

    def _condition(self, a: Scalar) -> Operand:
        truth = a if isinstance(a, Ref) and self.writer.is_truth(a) else self.truth("not_equal", a, Fraction(0))
        assert isinstance(truth, Ref)
        return truth

    def _emit(self, function: str, *args: Scalar) -> Operand:
        return self.writer.emit(function, tuple(self.writer.cast(arg, self.dtype) for arg in args), self.dtype)


def _exact(a: Scalar) -> TypeGuard[Fraction]:
    return isinstance(a, Fraction)


def _simple(a: Scalar) -> bool:
    return isinstance(a, Fraction) and abs(a) == 1


def _places(operands: Any) -> Iterator[int]:
    return (operand.place for operand in operands if isinstance(operand, Ref))


def _renumbered(operands: tuple[Operand, ...], new: dict[int, int]) -> tuple[Operand, ...]:
    return tuple(Ref(new[operand.place]) if isinstance(operand, Ref) else operand for operand in operands)
