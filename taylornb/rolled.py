"""What does a target run where a list of all instructions would be too long: loops over the monomials of a series?

A `Rolled` starts with a program, the head: it computes every value, and in one variable the first few coefficients, as any
other program does. Loops follow. Each takes monomials in order of their degree and does its steps for each of them: sums of
products of coefficients, which lie in scratch memory, and then a few instructions, which are a program again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from .program import ARITHMETIC, Cost, Output, Program

Dtype = np.dtype[Any]
Monomials = range | tuple[int, ...]
UNROLL = 4  # the pairs of a table come in fours: additions that do not wait for each other
SIDE = 4  # neighbouring monomials whose sums are computed together
GROUPS = (0, 4, 2, 1, 1)  # pairs of runs at a time, for sums of so many monomials: products that do not wait for each other
LINE = 64  # bytes: where each slot of the scratch memory starts


class Source(IntEnum):
    """Where a load of a step's program comes from: the first number of its place; the others follow in brackets.

    Members:
        AT: Scratch memory (slot, how many monomials back).
        KEPT: A result of the head (number).
        SUM: A sum of this step (number).
        INPUT: The coefficient of an input (slot).
        INVERSE: One over the degree (bytes of the number).
        DEGREE: The degree of the monomial so many back (how many, bytes of the number).
        PRESENT: Whether a coefficient is there (number of the flags).
    """

    AT = 0
    KEPT = 1
    SUM = 2
    INPUT = 3
    INVERSE = 4
    DEGREE = 5
    PRESENT = 6


@dataclass(frozen=True)
class Band:
    """In one variable: the pairs j + k = i with j from `a` = (first, last) and k from `b`."""

    a: tuple[int, int]
    b: tuple[int, int]


@dataclass(frozen=True)
class Table:
    """The pairs of each monomial, listed; those of one are filled up to a multiple of `UNROLL` with pairs of zeros.

    Attributes:
        start: Where the pairs of each monomial begin, and the end: 32-bit numbers.
        pairs: j and k, one after the other: 16-bit numbers. A series of `size` coefficients has a zero in place `size`.
        middle: For squares the j with j·j = i, otherwise `size`: 16-bit numbers.
    """

    start: bytes
    pairs: bytes
    middle: bytes

    @cached_property
    def _hash(self) -> int:
        return hash((self.start, self.pairs, self.middle))

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True)
class Runs:
    """In several variables: products of whole runs, for a tile of up to `SIDE` monomials of a run at a time, and other pairs.

    A run is the monomials that differ in the last variable alone, at neighbouring places.

    Attributes:
        tile: For each place, how many monomials the tile has that begins there; 0 where none does: bytes.
        inner: The number of each place in its run: 16-bit numbers.
        first, last: Where the pairs of runs for the run of each place begin and end: 32-bit numbers.
        pairs: The places where the two runs begin: 16-bit numbers; filled up to a multiple of `GROUPS` with runs of zeros,
            which begin at place `size`.
        rest: The pairs that are left.
    """

    tile: bytes
    inner: bytes
    first: bytes
    last: bytes
    pairs: bytes
    rest: Table


@dataclass(frozen=True)
class Sum:
    """Σ weight·a_j·b_k over pairs.

    Attributes:
        a, b: The slots of the factors.
        dtype: What they and the sum are.
        over: The pairs.
        half: Whether it is a square: the products with j < k twice, and the one with j = k.
        weight: (l, r) where a product has the weight l·deg j + r·deg k, rounded once; None where it has none.
        count: How many products all monomials have together.
    """

    a: int
    b: int
    dtype: Dtype
    over: Band | Table | Runs
    half: bool
    weight: tuple[Fraction, Fraction] | None
    count: int


@dataclass(frozen=True)
class Step:
    """What is done for one node and one monomial: sums, then a program, which stores to `Rolled.places` at this monomial."""

    monomials: Monomials
    sums: tuple[Sum, ...]
    body: Program


@dataclass(frozen=True)
class Loop:
    """Steps for one monomial after the other; a step passes over monomials that are not its own."""

    monomials: Monomials
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Slot:
    """A series in scratch memory: for each element `size` coefficients and zeros.

    Attributes:
        dtype: Its kind.
        zeroed: Whether coefficients are read that are never written, and so must be zero.
    """

    dtype: Dtype
    zeroed: bool


@dataclass(frozen=True)
class Rolled:
    """A computation as a head and loops.

    Attributes:
        size: How many coefficients a series has.
        degrees: The degree of each, 16-bit numbers; None where it is the coefficient's own place, in one variable.
        head: What comes first. Its stores and those of the steps go to `places`.
        loops: What follows.
        places: The outputs, then the slots (a row is a monomial), then what the head keeps for the loops.
        outputs: Where the coefficients of each output are.
        slots: The scratch memory.
        rows: For each output, and after them for each input of `sources`, the row of a monomial: 16-bit numbers, or a
            number that is added.
        sources: The (input, dtype, row of every coefficient that loops read).
        flags: Truth values for each monomial, as bytes.
    """

    size: int
    degrees: bytes | None
    head: Program
    loops: tuple[Loop, ...]
    places: tuple[Output, ...]
    outputs: tuple[Output, ...]
    slots: tuple[Slot, ...]
    rows: tuple[bytes | int, ...]
    sources: tuple[tuple[int, Dtype, tuple[int, ...]], ...]
    flags: tuple[bytes, ...]

    @cached_property
    def _hash(self) -> int:
        return hash((self.head, self.loops, self.places, self.rows, self.sources))

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def loads(self) -> tuple[tuple[int, int, Dtype], ...]:
        """The (input, row, dtype) of every plane that is read."""
        return (*self.head.loads, *((slot, row, dtype) for slot, dtype, rows in self.sources for row in rows))

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        """The inputs that are read, ascending; the others never reach the target."""
        return tuple(sorted({slot for slot, _, _ in self.loads}))

    @cached_property
    def tiles(self) -> tuple[Sum, ...]:
        """The sums that are computed for several monomials at a time and kept meanwhile."""
        found = (one for loop in self.loops for step in loop.steps for one in step.sums)
        return tuple(dict.fromkeys(one for one in found if isinstance(one.over, Runs)))

    @cached_property
    def zeros(self) -> int:
        """How many zeros stand behind the coefficients of each slot: as many as the longest run has, where there are runs."""
        return 1 + int(np.frombuffer(self.degrees, dtype="<u2").max()) if self.tiles and self.degrees else 1

    def offsets(self, lanes: int) -> tuple[int, ...]:
        """Where each slot starts in scratch memory of so many elements, in bytes, then each of the `tiles`, and the end."""
        numbers = [(self.size + self.zeros, slot.dtype) for slot in self.slots] + [(SIDE, one.dtype) for one in self.tiles]
        sizes = [-(-count * lanes * dtype.itemsize // LINE) * LINE for count, dtype in numbers]
        return tuple(int(n) for n in np.cumsum([0, *sizes]))

    @cached_property
    def cost(self) -> Cost:
        """What one element costs."""
        head, count = self.head.cost, Counter[str]()
        products = 0
        for step in (step for loop in self.loops for step in loop.steps):
            products += sum(one.count * (1 if one.weight is None else 2) for one in step.sums)
            for ins in step.body.instructions:
                count[ins.function] += len(step.monomials)
        return Cost(
            statements=head.statements + count.total() - count["load"] + products,
            multiply_adds=head.multiply_adds + sum(count[name] for name in ARITHMETIC) + products,
            divisions=head.divisions + count["divide"],
            functions=head.functions,
            bytes=sum(dtype.itemsize for _, _, dtype in set(self.loads))
            + sum(len(out.support.rows) * out.dtype.itemsize for out in self.outputs),
        )


def packed(numbers: Sequence[int] | np.ndarray[Any, Any], kind: str = "<u2") -> bytes:
    """Whole numbers as bytes."""
    return np.asarray(numbers).astype(kind).tobytes()
