"""Loops over the coefficients of series as Python text for CUDA, for what has more of them in use than there are registers.

The text is as long as the graph is large, whatever the order: what grows with the order are numbers of loops and tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...program import Program, Ref, Store
from ...rolled import Loop, Rolled, Source, Step
from ..source import indented
from . import text
from .scratch import TABLES, Memory, array, begin, rows, u8
from .sums import total

RESULT = re.compile(r"\bv(\d+)\b")


def kernel(rolled: Rolled, access: Sequence[str | None], axes: int = 1) -> str:
    """The text of a kernel. Its arguments: those of `text.kernel`, scratch memory for each dtype of `rows`, and `tables`.

    Args:
        rolled: What it computes; its pairs are bands and lists.
        access: For each input that is read the index of an element, as `text.kernel` has it.
        axes: How many axes the elements of the outputs have.
    """
    return _Kernel(rolled, dict(zip(rolled.inputs, access, strict=True)), axes).text()


def tables(rolled: Rolled) -> NDArray[np.uint32]:
    """The tables that the loops read, one after the other; a zero where they read none."""
    written = _Kernel(rolled, dict.fromkeys(rolled.inputs), 1)
    written.text()
    return np.concatenate(written.memory.tables or [np.zeros(1, np.uint32)])


class _Kernel:
    """A kernel while it is written."""

    def __init__(self, rolled: Rolled, access: Mapping[int, str | None], axes: int) -> None:
        self.rolled, self.access, self.axes = rolled, access, axes
        self.memory = Memory(rolled)

    def text(self) -> str:
        once, each = text.loads(self.rolled.head, self.access)
        loops = [line for n, loop in enumerate(self.rolled.loops) for line in self._loop(loop, f"w{n}")]
        body = [*each, *text.with_stores(self.rolled.head, self._where), *loops]
        more = [*map(array, rows(self.rolled)), TABLES]
        return text.framed(self.rolled, self.axes, [*once, *begin(self.rolled), *self.memory.clear()], body, more)

    def _where(self, store: Store) -> str:
        """Where the head stores: to a row of an output, a coefficient in a slot, or what it keeps for the loops."""
        outputs, slots = len(self.rolled.outputs), len(self.rolled.slots)
        if store.output < outputs:
            return text.result(store.output, store.row, self.axes)
        slot = store.output - outputs
        return self.memory.at(slot, by=store.row) if slot < slots else self.memory.kept(slot - slots)

    def _loop(self, loop: Loop, name: str) -> list[str]:
        turn = _Turn(self, loop, name).lines
        if isinstance(loop.monomials, range):
            head = [f"m = {u8(loop.monomials.start)}", *self._until(loop.monomials.stop), "while m < last:"]
            return [*head, *indented([*turn, "m += u8(1)"], 1)]
        start = self.memory.table(np.array(loop.monomials, dtype="<u2").tobytes())
        head = [f"turn = {u8(start)}", *self._until(start + len(loop.monomials)), "while turn < last:"]
        return [*head, *indented([f"m = u8({TABLES}[turn])", *turn, "turn += u8(1)"], 1)]

    def _until(self, last: int) -> list[str]:
        """The end of a loop, from a table: a loop whose end the compiler knows becomes all its turns, and spills registers."""
        return [f"last = {self.memory.entry(np.array([last], dtype='<u4').tobytes(), '', '<u4')}"]


class _Turn:
    """One turn of a loop: its steps at the monomial m."""

    def __init__(self, kernel: _Kernel, loop: Loop, name: str) -> None:
        self.kernel, self.rolled, self.memory, self.loop = kernel, kernel.rolled, kernel.memory, loop
        self._fresh: dict[int, str] = {}  # what this turn has written to each slot
        self.lines = [line for n, step in enumerate(loop.steps) for line in self._step(step, f"{name}_{n}")]

    def _step(self, step: Step, name: str) -> list[str]:
        always = step.monomials == self.loop.monomials
        span = step.monomials if isinstance(step.monomials, range) else range(1, self.rolled.size)
        sums = [line for n, one in enumerate(step.sums) for line in total(self.memory, one, f"{name}_sum{n}", span)]
        places = enumerate(step.body.instructions)
        loads = [f"v{n} = {self._load(name, *ins.place)}" for n, ins in places if ins.function == "load"]
        lines = [*loads, *text.statements(step.body), *self._stores(step.body, name, always)]
        lines = [*sums, *(RESULT.sub(rf"{name}_\1", line) for line in lines)]  # each step has names of its own
        return lines if always else [f"if {self.memory.within(step.monomials)}:", *indented(lines, 1)]

    def _stores(self, body: Program, name: str, always: bool) -> list[str]:
        found = []
        for store in body.stores:
            value, slot = text.stored(body, store), store.output - len(self.rolled.outputs)
            if slot < 0:
                row = self.memory.row(self.rolled.rows[store.output])
                found.append(f"{text.result(store.output, row, self.kernel.axes)} = {value}")
                continue
            found.append(f"{self.memory.at(slot, 'm')} = {value}")
            if always and isinstance(store.operand, Ref):
                self._fresh[slot] = f"{name}_{store.operand.place}"
        return found

    def _load(self, name: str, source: int, *place: int) -> str:
        """What a program reads, by its `Source`."""
        ways: dict[int, Callable[..., str]] = {
            Source.AT: self._at,
            Source.KEPT: self.memory.kept,
            Source.SUM: (name + "_sum{}").format,
            Source.INPUT: self._input,
            Source.INVERSE: lambda size: f"f{size}(1.0) / {self._degree(0, size)}",
            Source.DEGREE: self._degree,
            Source.PRESENT: lambda number: self.memory.flag(self.rolled.flags[number]),
        }
        return ways[source](*place)

    def _at(self, slot: int, back: int) -> str:
        return self._fresh[slot] if back == 0 and slot in self._fresh else self.memory.at(slot, "m", -back)

    def _input(self, slot: int) -> str:
        order = [source for source, *_ in self.rolled.sources].index(slot)
        row = self.memory.row(self.rolled.rows[len(self.rolled.outputs) + order])
        return text.argument(slot, row, self.kernel.access[slot])

    def _degree(self, back: int, size: int) -> str:
        degree = self.memory.degree("m")
        return f"f{size}({degree} - {u8(back)})" if back else f"f{size}({degree})"
