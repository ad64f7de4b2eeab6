"""A program whose results do not all fit a GPU's registers at once, cut into segments whose results do.

What a segment uses of an earlier one it reads from scratch memory, where that one has kept it: once, however often it is used
there. So there are far fewer reads than operations, where loops over coefficients read two numbers for each product. Inputs are
read where they are used first, since results are stored over none of them, and kept like results: the address of each of their
rows would take a register.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from .pressure import Uses, pressure, reordered
from .program import Dtype, Instruction, Operand, Output, Program, Ref, Store
from .support import Support

REGISTERS = 1_020  # bytes of a thread's registers on a GPU
ADDRESS = 2  # bytes, about, that are in use for each row of an array: compilers keep where many of them begin
ROOM = 800  # bytes in use at once in a segment: compilers read ahead
LONGEST = 1_600  # instructions of a segment; the time that Numba takes for a function grows faster than its length
WHOLE = 4_000  # instructions that are left in one piece if they fit: fifteen seconds of Numba


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
        """How many numbers are read that one piece would not read, and how many are kept, for one element."""
        reads = sum(len(one.loads) for one in self.segments) - len(self.whole.loads)
        return reads + sum(store.output >= len(self.whole.outputs) for one in self.segments for store in one.stores)


@lru_cache(maxsize=256)
def cut(program: Program) -> Cut | None:
    """The program in segments; None where it fits in one piece, all inputs being read first."""
    ordered = _loads_first(program)
    inputs, rows = sum(dtype.itemsize for _, _, dtype in program.loads), len(program.loads) + len(program.stores)
    if len(program.instructions) <= WHOLE and max(pressure(ordered) + ADDRESS * rows, inputs) <= REGISTERS:
        return None
    return _Cutter(ordered).cut()


def _loads_first(program: Program) -> Program:
    loads = [n for n, ins in enumerate(program.instructions) if ins.function == "load"]
    others = [n for n, ins in enumerate(program.instructions) if ins.function != "load"]
    return reordered(program, [*loads, *others])


class _Cutter:
    """A program while it is cut.

    Attributes:
        program: The program, with its loads first.
        first: Where the other instructions begin.
        ends: Where each segment begins and ends.
        begin, last: For each instruction the segment that computes it, or first reads it, and the last that uses it.
    """

    def __init__(self, program: Program) -> None:
        self.program, self.first, self.uses = program, len(program.loads), Uses(program)
        self.ends = list(self._ends())
        self.begin, self.last = dict[int, int](), dict[int, int]()
        for number, ends in enumerate(self.ends):
            for one in self._used(*ends):
                self.begin.setdefault(one, number)
                self.last[one] = number

    def cut(self) -> Cut:
        """The program in segments, those that store inputs as they are at the end."""
        memory, kept = _Memory(), list[list[int]]()
        for number, ends in enumerate(self.ends):
            memory.let_go(number)
            kept.append([place for place in self._used(*ends) if self.begin[place] == number < self.last[place]])
            for place in kept[-1]:
                memory.keep(place, self.program.instructions[place].dtype, self.last[place])
        segments = [self._segment(number, places, memory) for number, places in enumerate(kept)]
        passed = [store for store in self.program.stores if self._place(store) < self.first]
        count = ROOM // 8
        segments += [self._passing(passed[n : n + count], memory) for n in range(0, len(passed), count)]
        return Cut(self.program, tuple(segments), tuple(memory.count.items()))

    def _used(self, start: int, stop: int) -> list[int]:
        """What a segment uses, inputs first, and each result where it is used or computed first."""
        found = dict.fromkeys(one for place in range(start, stop) for one in (*self.uses.args[place], place))
        return [*(one for one in found if one < self.first), *(one for one in found if one >= self.first)]

    def _place(self, store: Store) -> int:
        """The instruction whose result is stored; −1 for a number."""
        return store.operand.place if isinstance(store.operand, Ref) else -1

    def _ends(self) -> Iterator[tuple[int, int]]:
        """Each segment is as long as its results fit."""
        start, count = self.first, len(self.program.instructions)
        while start < count:
            least, most = start + 1, min(start + LONGEST, count)
            while least < most:
                middle = (least + most + 1) // 2
                least, most = (middle, most) if self._fits(start, middle) else (least, middle - 1)
            yield start, least
            start = least

    def _fits(self, start: int, stop: int) -> bool:
        """Whether there is room for what a segment has in use: inputs from its beginning on, the rest from its first use."""
        begin, end = dict[int, int](), dict[int, int]()
        for place in range(start, stop):
            for one in (*self.uses.args[place], place):
                begin.setdefault(one, place if one >= self.first else start)
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

    def _segment(self, number: int, kept: Sequence[int], memory: _Memory) -> Program:
        (start, stop), instructions, new = self.ends[number], list[Instruction](), dict[int, Ref]()

        def moved(operand: Operand) -> Operand:
            return new[operand.place] if isinstance(operand, Ref) else operand

        for one in self._used(start, stop):
            own = self.program.instructions[one]
            read = own if self.begin[one] == number else Instruction("load", (), own.dtype, memory.slot(one))
            new[one] = Ref(len(instructions))
            instructions.append(read._replace(args=tuple(map(moved, read.args))))
        own_stores = [store for store in self.program.stores if start <= self._place(store) < stop]
        stores = [store._replace(operand=moved(store.operand)) for store in own_stores]
        stores += [memory.store(place, len(self.program.outputs), new[place]) for place in kept]
        return self._made(instructions, stores, memory)

    def _passing(self, stores: Sequence[Store], memory: _Memory) -> Program:
        """A segment that stores inputs and numbers."""
        places = list(dict.fromkeys(store.operand.place for store in stores if isinstance(store.operand, Ref)))
        at = {place: Ref(n) for n, place in enumerate(places)}
        moved = [one._replace(operand=at[one.operand.place]) if isinstance(one.operand, Ref) else one for one in stores]
        return self._made([self.program.instructions[place] for place in places], moved, memory)

    def _made(self, instructions: Sequence[Instruction], stores: Sequence[Store], memory: _Memory) -> Program:
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
