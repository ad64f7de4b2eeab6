"""A program whose results do not all fit a GPU's registers at once, cut into segments whose results do.

What a segment uses of an earlier one it reads from scratch memory, where that one has kept it: once, however often it is used
there. So there are far fewer reads than operations, where loops over coefficients read two numbers for each product.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from .pressure import Uses, pressure, reordered
from .program import Dtype, Instruction, Operand, Output, Program, Ref, Store
from .support import Support

REGISTERS = 960  # bytes in use at once that a GPU's registers hold: 240 of the 255 that a thread has, the rest for addresses
ROOM = 800  # bytes in use at once in a segment: compilers read ahead
LONGEST = 1_600  # instructions of a segment; the time that Numba takes for a function grows faster than its length
WHOLE = 4_000  # instructions that are left in one piece if they fit: fifteen seconds of Numba
MOVED = 0.5  # numbers read and kept for each instruction, up to which a cut program is taken to be quicker than loops


@dataclass(frozen=True)
class Cut:
    """A program in segments.

    Attributes:
        whole: The program.
        segments: Programs. A load from slot −1 − n, and a store to output len(whole.outputs) + n, is of scratch memory: of a
            row of kind n.
        rows: Each kind of scratch memory, and how many rows there are of it.
    """

    whole: Program
    segments: tuple[Program, ...]
    rows: tuple[tuple[Dtype, int], ...]

    @cached_property
    def moved(self) -> int:
        """How many numbers are read from scratch memory and kept there, for one element."""
        reads = sum(slot < 0 for one in self.segments for slot, _, _ in one.loads)
        return reads + sum(store.output >= len(self.whole.outputs) for one in self.segments for store in one.stores)


@lru_cache(maxsize=256)
def cut(program: Program) -> Cut | None:
    """The program in segments; None where it fits in one piece."""
    if len(program.instructions) <= WHOLE and pressure(program) <= REGISTERS:
        return None
    return _Cutter(program).cut()


def fits(program: Program) -> bool:
    """Whether a program is one for registers: in one piece, or in segments with few numbers to move."""
    found = cut(program)
    return found is None or found.moved <= MOVED * len(program.instructions)


class _Cutter:
    """A program while it is cut. Inputs are read before anything else, since results may be stored over them.

    Attributes:
        program: The program, with its loads first.
        ends: Where each segment begins and ends.
        last: For each instruction the last segment that uses its result.
    """

    def __init__(self, program: Program) -> None:
        loads = [n for n, ins in enumerate(program.instructions) if ins.function == "load"]
        others = [n for n, ins in enumerate(program.instructions) if ins.function != "load"]
        self.program, self.first = reordered(program, [*loads, *others]), len(loads)
        self.uses = Uses(self.program)
        self.ends = list(self._ends())
        self.last = [0] * len(self.program.instructions)
        for number, (start, stop) in enumerate(self.ends):
            for place in range(start, stop):
                for one in (*self.uses.args[place], place):
                    self.last[one] = number

    def cut(self) -> Cut:
        """The program in segments."""
        memory, kept = _Memory(), list[list[int]]()
        for number, (start, stop) in enumerate(self.ends):
            memory.let_go(number)
            kept.append([place for place in range(start, stop) if self.last[place] > number])
            for place in kept[-1]:
                memory.keep(place, self.program.instructions[place].dtype, self.last[place])
        segments = (self._segment(*ends, places, memory) for ends, places in zip(self.ends, kept, strict=True))
        return Cut(self.program, tuple(segments), tuple(memory.count.items()))

    def _ends(self) -> Iterator[tuple[int, int]]:
        """Each segment is as long as its results fit."""
        start, count = 0, len(self.program.instructions)
        while start < count:
            least, most = start + 1, min(max(start, self.first) + LONGEST, count)
            while least < most:
                middle = (least + most + 1) // 2
                least, most = (middle, most) if self._fits(start, middle) else (least, middle - 1)
            yield start, least
            start = least

    def _fits(self, start: int, stop: int) -> bool:
        """Whether there is room for what a segment has in use, from its first use there on."""
        begin, end = dict[int, int](), dict[int, int]()
        for place in range(start, stop):
            for one in (*self.uses.args[place], place):
                begin.setdefault(one, place)
                end[one] = place
        change = [0] * (stop - start + 1)
        for one, place in begin.items():
            change[place - start] += self.uses.sizes[one]
            change[end[one] + 1 - start] -= self.uses.sizes[one]
        used = 0
        for step in change:
            used += step
            if used > ROOM:
                return False
        return True

    def _segment(self, start: int, stop: int, kept: Sequence[int], memory: _Memory) -> Program:
        instructions, new = list[Instruction](), dict[int, Ref]()

        def moved(operand: Operand) -> Operand:
            return new[operand.place] if isinstance(operand, Ref) else operand

        for place in range(start, stop):
            for one in (*self.uses.args[place], place):
                if one not in new:
                    own = self.program.instructions[one]
                    read = own if one >= start else Instruction("load", (), own.dtype, memory.slot(one))
                    new[one] = Ref(len(instructions))
                    instructions.append(read._replace(args=tuple(map(moved, read.args))))
        # a number, and no result, is stored with the last ones
        at = {
            store: store.operand.place if isinstance(store.operand, Ref) else len(self.last) - 1
            for store in self.program.stores
        }
        stores = [store._replace(operand=moved(store.operand)) for store, place in at.items() if start <= place < stop]
        stores += [memory.store(place, len(self.program.outputs), new[place]) for place in kept]
        rows = [Output(Support.packed((0,)), dtype) for dtype in memory.count]
        return Program(tuple(instructions), tuple(stores), (*self.program.outputs, *rows))


class _Memory:
    """Rows of scratch memory; one that no later segment reads is taken again.

    Attributes:
        count: How many rows there are of each kind.
    """

    def __init__(self) -> None:
        self.count: dict[Dtype, int] = {}
        self._rows: dict[int, tuple[Dtype, int]] = {}
        self._until: dict[int, list[tuple[Dtype, int]]] = {}
        self._free: dict[Dtype, list[int]] = {}

    def keep(self, place: int, dtype: Dtype, last: int) -> None:
        """Take a row for a result, which is read up to a segment."""
        free = self._free.setdefault(dtype, [])
        row = free.pop() if free else self.count.get(dtype, 0)
        self.count[dtype] = max(self.count.get(dtype, 0), row + 1)
        self._rows[place] = dtype, row
        self._until.setdefault(last, []).append((dtype, row))

    def let_go(self, number: int) -> None:
        """Before a segment: what the one before was the last to read."""
        for dtype, row in self._until.pop(number - 1, ()):
            self._free[dtype].append(row)

    def slot(self, place: int) -> tuple[int, int]:
        """Where a load finds a result."""
        dtype, row = self._rows[place]
        return -1 - list(self.count).index(dtype), row

    def store(self, place: int, outputs: int, operand: Operand) -> Store:
        """The store that keeps a result."""
        dtype, row = self._rows[place]
        return Store(outputs + list(self.count).index(dtype), row, operand)
