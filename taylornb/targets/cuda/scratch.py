"""Where do loops find coefficients, degrees and tables? Scratch memory of each thread's own, and one array of tables.

The memory of a warp is rows of 32 elements, one for each of its threads: all read the same row at a time, and so neighbours.
How far apart rows are is known to the compiler, which needs no registers for their addresses. What threads read of tables is
one number for all. Numbers of rows and monomials are unsigned 64-bit integers, so that no index is taken for one from the end.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...program import Dtype
from ...rolled import Monomials, Rolled
from ...segments import Cut
from ..source import indented

TABLES = "tables"
WARP = 32  # threads that run together, on every GPU so far
KEPT = 256  # bytes of values for the loops that registers are left for, a quarter of them


def rows(program: Rolled | Cut) -> dict[Dtype, int]:
    """How many rows of scratch memory there are of each dtype."""
    return dict(program.rows) if isinstance(program, Cut) else _of_loops(program)


def _of_loops(rolled: Rolled) -> dict[Dtype, int]:
    found: dict[Dtype, int] = {}
    for slot in rolled.slots:
        found[slot.dtype] = found.get(slot.dtype, 0) + rolled.size + rolled.zeros
    for dtype in in_memory(rolled).values():
        found[dtype] = found.get(dtype, 0) + 1
    return found


def in_memory(rolled: Rolled) -> dict[int, Dtype]:
    """The values kept for the loops that there are no registers for, by their number: all that are floats, or none."""
    kept = rolled.places[len(rolled.outputs) + len(rolled.slots) :]
    floats = {n: place.dtype for n, place in enumerate(kept) if place.dtype.kind == "f"}
    return floats if sum(dtype.itemsize for dtype in floats.values()) > KEPT else {}


def lengths(program: Rolled | Cut, threads: int) -> dict[Dtype, int]:
    """How many elements of scratch memory of each dtype so many threads need."""
    return {dtype: count * -(-threads // WARP) * WARP for dtype, count in rows(program).items()}


def begin(program: Rolled | Cut) -> Iterator[str]:
    """The statements that tell where the elements of a thread begin."""
    yield "thread = u8(cuda.grid(1))"
    for dtype, count in rows(program).items():
        warp = f"(thread >> {u8(WARP.bit_length() - 1)}) * {u8(count * WARP)}"
        yield f"{own(dtype)} = {warp} + (thread & {u8(WARP - 1)})"


def u8(number: int) -> str:
    """A number of a row or monomial."""
    return f"u8({number})"


def zero(dtype: Dtype) -> str:
    """A zero of a dtype."""
    return f"{dtype.str[1:]}(0.0)"


def array(dtype: Dtype) -> str:
    """The name of the scratch memory of a dtype."""
    return f"s_{dtype.str[1:]}"


def own(dtype: Dtype) -> str:
    """The name of the place in the scratch memory of a dtype where that of a thread begins."""
    return f"own_{array(dtype)}"


def element(dtype: Dtype, row: int) -> str:
    """A thread's element of a row of scratch memory."""
    return f"{array(dtype)}[{moved(own(dtype), WARP * row)}]"


def moved(number: str, by: int) -> str:
    """A number so many further on, or back."""
    return number if not by else f"{number} {'+' if by > 0 else '-'} {u8(abs(by))}"


class Memory:
    """The scratch memory and tables of one kernel.

    Args:
        rolled: What the kernel computes.
    """

    def __init__(self, rolled: Rolled) -> None:
        self.rolled = rolled
        self.tables: list[NDArray[np.uint32]] = []
        self._starts: dict[tuple[bytes, str], int] = {}
        self.first: list[int] = []  # the row where each slot begins
        used: dict[Dtype, int] = {}
        for slot in rolled.slots:
            self.first.append(used.get(slot.dtype, 0))
            used[slot.dtype] = self.first[-1] + rolled.size + rolled.zeros
        self._kept: dict[int, str] = {}
        for n, dtype in in_memory(rolled).items():
            row = used.get(dtype, 0)
            self._kept[n] = element(dtype, row)
            used[dtype] = row + 1

    def kept(self, number: int) -> str:
        """A value that the head keeps for the loops."""
        return self._kept.get(number, f"k{number}")

    def at(self, slot: int, number: str = "", by: int = 0) -> str:
        """The coefficient of a slot at a monomial, or so many further on; without a monomial that of a number."""
        dtype, shift = self.rolled.slots[slot].dtype, WARP * (self.first[slot] + by)
        return f"{array(dtype)}[{moved(own(dtype) + (f' + {number} * {u8(WARP)}' if number else ''), shift)}]"

    def clear(self) -> Iterator[str]:
        """Zeros where coefficients are read that nothing writes: no element changes them."""
        size, zeros = self.rolled.size, self.rolled.zeros
        for n, slot in enumerate(self.rolled.slots):
            if slot.zeroed:
                yield from ("m = u8(0)", f"while m < {u8(size + zeros)}:")
                yield from indented([f"{self.at(n, 'm')} = {zero(slot.dtype)}", "m += u8(1)"], 1)
            else:
                yield from (f"{self.at(n, by=size + further)} = {zero(slot.dtype)}" for further in range(zeros))

    # ---- tables --------------------------------------------------------------------------------------

    def table(self, data: bytes, kind: str = "<u2") -> int:
        """Where a table of whole numbers begins; equal ones are one."""
        if (data, kind) not in self._starts:
            self._starts[data, kind] = sum(map(len, self.tables))
            self.tables.append(np.frombuffer(data, dtype=kind).astype(np.uint32))
        return self._starts[data, kind]

    def entry(self, data: bytes, number: str, kind: str = "<u2", by: int = 0) -> str:
        """An entry of a table; without a number the first."""
        place = self.table(data, kind) + by
        return f"u8({TABLES}[{moved(number, place) if number else place}])"

    def flag(self, data: bytes) -> str:
        """Whether the flag of monomial m is set."""
        return f"{self.entry(data, 'm', '|u1')} > u8(0)"

    def row(self, where: bytes | int) -> str:
        """The row of monomial m of an input or output."""
        return self.entry(where, "m") if isinstance(where, bytes) else moved("m", where)

    def degree(self, number: str) -> str:
        """The degree of a monomial."""
        return number if self.rolled.degrees is None else self.entry(self.rolled.degrees, number)

    def within(self, monomials: Monomials) -> str:
        """Whether m is one of the monomials."""
        if isinstance(monomials, range):
            return f"m >= {u8(monomials.start)} and m < {u8(monomials.stop)}"
        flags = np.zeros(self.rolled.size, dtype=np.uint8)
        flags[list(monomials)] = 1
        return self.flag(flags.tobytes())
