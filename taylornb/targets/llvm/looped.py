"""Loops over the monomials of series as LLVM's language, on vectors of elements, in one loop over them.

The text is as long as the graph is large, whatever the order: what grows with the order are numbers of loops and tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest

import numpy as np

from ...program import Program
from ...rolled import SIDE, Loop, Monomials, Rolled, Runs, Source, Step, Sum, packed
from . import blocks, frame, runs, sums, tiles
from .blocks import Array
from .scratch import Memory
from .text import FLOATS, Code, Module, Vector
from .unrolled import TRUTH, Body

# Bytes of a series on one vector, up to which two vectors at a time are faster: in one variable, and with lists of pairs.
NEAR, NEAR_LISTED = 8 << 10, 20 << 10
LONG = 1000  # instructions of a text that takes long to compile when every one is for two vectors


def source(rolled: Rolled, follows: Sequence[bool], width: int, path: str, streaming: bool = False) -> str:
    """The text of a kernel.

    Args:
        rolled: What it computes.
        follows: For each input that is read, whether it follows the inner axis of the elements; otherwise one
            element serves a whole row.
        width: The bytes of the vectors.
        path: How elementary functions are computed.
        streaming: Whether results go past the caches. Each row then starts at a cache line.
    """
    code = Code(Module())
    arrays = frame.arrays(rolled, follows)
    body = Looped(rolled, arrays, code, width, path)
    block = blocks.length(arrays, body.lanes)
    scratch = frame.Scratch(rolled.offsets(body.lanes)[-1], block, _rows(rolled), body.clear)
    return frame.text(code, arrays, body.lanes, body.write, scratch, streaming)


def scratch(rolled: Rolled, follows: Sequence[bool], width: int) -> int:
    """The bytes of scratch memory, at the start of a cache line, that each call of the kernel needs for itself."""
    lanes = lanes_of(rolled, width)
    arrays = frame.arrays(rolled, follows)
    return rolled.offsets(lanes)[-1] + sum(blocks.buffers(arrays, blocks.length(arrays, lanes)))


def lanes_of(rolled: Rolled, width: int) -> int:
    """How many elements are computed at a time."""
    programs = [rolled.head, *(step.body for loop in rolled.loops for step in loop.steps)]
    sizes = [ins.dtype.itemsize for program in programs for ins in program.instructions if ins.dtype.kind == "f"]
    largest = max([*sizes, *(out.dtype.itemsize for out in rolled.outputs if out.dtype.kind == "f")], default=8)
    # A second vector hides the waiting for the first and shares the reading of tables, but takes as much cache again.
    far = rolled.size * width > (NEAR if rolled.degrees is None else NEAR_LISTED)
    vectors = 1 if far or sum(len(program.instructions) for program in programs) > LONG else 2
    return vectors * width // largest


def _rows(rolled: Rolled) -> list[tuple[str, int]]:
    """The rows that the head loads and stores."""
    loads = [(f"x{slot}", row) for slot, row, _ in rolled.head.loads]
    stores = [(f"y{store.output}", store.row) for store in rolled.head.stores if store.output < len(rolled.outputs)]
    return list(dict.fromkeys([*loads, *stores]))


class Looped:
    """What is done to each vector of elements.

    `Head` and `Turn` stand in for `frame.Rows` where programs load and store: rows of arrays, and what `Source` names.
    """

    def __init__(self, rolled: Rolled, arrays: Sequence[Array], code: Code, width: int, path: str) -> None:
        self.rolled, self.code, self.width, self.path = rolled, code, width, path
        self.lanes = lanes_of(rolled, width)
        self.memory = Memory(rolled, code, self.lanes)
        self.outputs = [array for array in arrays if array.name.startswith("y")]
        self.kept: dict[int, str] = {}
        self.rows: frame.Rows | None = None

    def clear(self) -> None:
        """Before the first elements: zeros where coefficients are read that nothing writes."""
        for n, slot in enumerate(self.rolled.slots):
            v = Vector(self.code, self.lanes, slot.dtype)
            first = 0 if slot.zeroed else self.rolled.size
            place, count = self.memory.at(n, str(first)), self.rolled.size + self.rolled.zeros - first
            if count > 1:
                self.code.module.declare("llvm.memset.p0.i64", "void", "ptr", "i8", "i64", "i1")
                length = count * self.lanes * slot.dtype.itemsize
                self.code.do(f"call void @llvm.memset.p0.i64(ptr {place}, i8 0, i64 {length}, i1 false)")
            else:
                self.code.do(f"store {v.type} zeroinitializer, ptr {place}, align {slot.dtype.itemsize}")

    def write(self, rows: frame.Rows) -> None:
        """Append the head and the loops."""
        self.rows = rows
        self._part(self.rolled.head, Head(self))
        for loop in self.rolled.loops:
            self._loop(loop)

    def _part(self, program: Program, ends: frame.Ends) -> None:
        Body(program, self.code, self.lanes, self.path, self.width).write(ends)

    def _loop(self, loop: Loop) -> None:
        monomials = loop.monomials
        if not isinstance(monomials, range):
            table = packed(monomials)
            self._turns(range(len(monomials)), lambda n: self._turn(loop, self.memory.entry(table, n)))
            return
        first, whole, last = tiles.parts(monomials) if self._is_tiled(loop, monomials) else (monomials, range(0), range(0))
        self._turns(first, lambda i: self._turn(loop, i))
        self._turns(whole, lambda i: self._tile(loop, i))
        self._turns(last, lambda i: self._turn(loop, i))

    def _is_tiled(self, loop: Loop, monomials: range) -> bool:
        """Whether four monomials are done together: where all steps take all monomials, and some sum gains by it."""
        whole = self.rolled.degrees is None and all(step.monomials == monomials for step in loop.steps)
        return whole and any(tiles.tiled(one, monomials) for step in loop.steps for one in step.sums)

    def _turns(self, numbers: range, turn: Callable[[str], None]) -> None:
        """A loop over numbers; nothing where there are none."""
        if not numbers:
            return
        code = self.code
        before, head, n = code.block, code.name("monomials"), f"%{code.name('n')}"
        code.do(f"br label %{head}")
        code.label(head)
        mark = len(code.lines)
        turn(n)
        following = code.emit(f"add i64 {n}, {numbers.step}")
        more, after = code.emit(f"icmp slt i64 {following}, {numbers.stop}"), code.name("after")
        code.lines.insert(mark, f"{n} = phi i64 [ {numbers.start}, %{before} ], [ {following}, %{code.block} ]")
        code.do(f"br i1 {more}, label %{head}, label %{after}")
        code.label(after)

    def _turn(self, loop: Loop, i: str) -> None:
        turn = Turn(self, i)
        for step in loop.steps:
            self._step(step, turn, step.monomials == loop.monomials)

    def _tile(self, loop: Loop, i: str) -> None:
        """Four monomials from i on: first what their sums have in common, then one after the other."""
        known = [[self._far(step, one, i) for one in step.sums] for step in loop.steps]
        for m in range(SIDE):
            turn = Turn(self, self.code.emit(f"add i64 {i}, {m}"))
            for step, far in zip(loop.steps, known, strict=True):
                turn.begin(step, True, [tiles.Far(i, m, totals[m]) if totals else None for totals in far])
                self._part(step.body, turn)

    def _far(self, step: Step, one: Sum, i: str) -> list[str]:
        """What a sum has in common at four monomials; nothing where it is computed for each of them."""
        return tiles.far(self.memory, one, i, self.is_own(step, one.b)) if tiles.tiled(one, _span(self.rolled, step)) else []

    def is_own(self, step: Step, slot: int) -> bool:
        """Whether a step writes the slot that it reads."""
        return slot in {store.output - len(self.rolled.outputs) for store in step.body.stores}

    def _step(self, step: Step, turn: Turn, always: bool) -> None:
        code, skip = self.code, ""
        if not always:
            there, skip = code.name("there"), code.name("past")
            code.do(f"br i1 {self._within(step.monomials, turn.i)}, label %{there}, label %{skip}")
            code.label(there)
        turn.begin(step, always)
        self._part(step.body, turn)
        if skip:
            code.do(f"br label %{skip}")
            code.label(skip)

    def _within(self, monomials: Monomials, i: str) -> str:
        if isinstance(monomials, range):
            past = self.code.emit(f"sub i64 {i}, {monomials.start}")
            return self.code.emit(f"icmp ult i64 {past}, {len(monomials)}")
        flags = np.zeros(self.rolled.size, dtype=np.uint8)
        flags[list(monomials)] = 1
        return self.memory.flag(flags.tobytes(), i)


def _span(rolled: Rolled, step: Step) -> range:
    """Between which monomials those of a step are."""
    return step.monomials if isinstance(step.monomials, range) else range(1, rolled.size)


class Head:
    """Loads and stores of the head: rows of arrays, and scratch memory at fixed monomials."""

    def __init__(self, body: Looped) -> None:
        self.body = body

    def load(self, *place: int) -> str:
        """A row of an input."""
        assert self.body.rows is not None
        return self.body.rows.load(*place)

    def store(self, output: int, row: int, value: str) -> None:
        """A row of an output, a coefficient of a slot, or a value for the loops."""
        body, rolled = self.body, self.body.rolled
        slot = output - len(rolled.outputs)
        if slot < 0:
            assert body.rows is not None
            body.rows.store(output, row, value)
        elif slot >= len(rolled.slots):
            body.kept[slot - len(rolled.slots)] = value
        else:
            body.memory.write(body.memory.at(slot, str(row)), rolled.slots[slot].dtype, value)


class Turn:
    """Loads and stores of one turn of a loop: at the monomial i."""

    def __init__(self, body: Looped, i: str) -> None:
        self.body, self.memory, self.i = body, body.memory, i
        self.degree = body.memory.degree(i)
        self.always = True
        self._fresh: dict[int, str] = {}  # what this turn has written to each slot
        self._numbers: dict[tuple[str, int, int], str] = {}  # vectors of one number
        self._sums: list[str] = []

    def begin(self, step: Step, always: bool, far: Sequence[tiles.Far | None] = ()) -> None:
        """Compute the sums of a step, from their far parts where there are any.

        A step that not every turn makes leaves no names behind.
        """
        if not (always and self.always):
            self._numbers = {}
        self.always = always
        self._sums = [self._sum(step, one, part) for one, part in zip_longest(step.sums, far)]

    def _sum(self, step: Step, one: Sum, far: tiles.Far | None) -> str:
        if far is not None:
            return tiles.near(self.memory, one, far)
        known = runs.total(self.memory, one, self.i) if isinstance(one.over, Runs) else None
        if known and isinstance(one.over, Runs) and not one.over.rest.pairs and not one.half:
            return known
        return sums.total(self.memory, one, self.i, _span(self.body.rolled, step), self.body.is_own(step, one.b), known)

    def load(self, *place: int) -> str:
        """What a program reads, by its `Source`."""
        ways: dict[int, Callable[..., str]] = {
            Source.AT: self._at,
            Source.KEPT: self.body.kept.__getitem__,
            Source.SUM: self._sums.__getitem__,
            Source.INPUT: self._input,
            Source.INVERSE: self._inverse,
            Source.DEGREE: self._degree,
            Source.PRESENT: self._present,
        }
        return ways[place[0]](*place[1:])

    def store(self, output: int, row: int, value: str) -> None:
        """The coefficient of an output or a slot."""
        slot = output - len(self.body.outputs)
        if slot < 0:
            array = self.body.outputs[output]
            start = self._start(array.name, self.memory.row(self.body.rolled.rows[output], self.i))
            vector, place = f"<{self.body.lanes} x {array.element}>", self._element(array, start)
            self.body.code.do(f"store {vector} {value}, ptr {place}, align {array.size}")
            return
        self.memory.write(self.memory.at(slot, self.i), self.body.rolled.slots[slot].dtype, value)
        if self.always:
            self._fresh[slot] = value

    def _at(self, slot: int, back: int) -> str:
        if back == 0 and slot in self._fresh:
            return self._fresh[slot]
        i = self.body.code.emit(f"sub i64 {self.i}, {back}") if back else self.i
        return self.memory.read(self.memory.at(slot, i), self.body.rolled.slots[slot].dtype)

    def _input(self, slot: int) -> str:
        assert self.body.rows is not None
        array = self.body.rows.arrays[f"x{slot}"]
        order = [source for source, *_ in self.body.rolled.sources].index(slot)
        row = self.memory.row(self.body.rolled.rows[len(self.body.outputs) + order], self.i)
        place = self._start(array.name, row)
        if array.follows:
            self.body.rows.fetch(array, self._start(f"{array.name}.next", row))
            return self.memory.read(self._element(array, place), array.dtype)
        one = self.body.code.emit(f"load {array.element}, ptr {place}, align {array.size}")
        return self.memory.spread(one, array.dtype)

    def _start(self, name: str, row: str) -> str:
        return self.body.code.emit(f"getelementptr i8, ptr %{name}, i64 {self.body.code.emit(f'mul i64 %{name}.row, {row}')}")

    def _element(self, array: Array, start: str) -> str:
        return self.body.code.emit(f"getelementptr {array.element}, ptr {start}, i64 %i")

    def _inverse(self, size: int) -> str:
        return self._number("inverse", 0, size)

    def _degree(self, back: int, size: int) -> str:
        return self._number("degree", back, size)

    def _number(self, name: str, back: int, size: int) -> str:
        key, code, dtype = (name, back, size), self.body.code, np.dtype(f"f{size}")
        if key not in self._numbers:
            degree = code.emit(f"sub i64 {self.degree}, {back}") if back else self.degree
            one = code.emit(f"sitofp i64 {degree} to {FLOATS[dtype.str[1:]]}")
            if name == "inverse":
                one = code.emit(f"fdiv {FLOATS[dtype.str[1:]]} 1.0, {one}")
            self._numbers[key] = self.memory.spread(one, dtype)
        return self._numbers[key]

    def _present(self, number: int) -> str:
        return self.memory.spread(self.memory.flag(self.body.rolled.flags[number], self.i), TRUTH)
