"""A program in segments as Python text for CUDA: a function for each segment, and a kernel that calls them one after the other.

Between them stands a fence: without one the compiler knows what it has just kept in memory, and has it in a register after all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...program import Store
from ...segments import Cut
from ..source import indented
from . import text
from .scratch import array, begin, element, own, rows

FENCE = "cuda.threadfence_block()"


def kernel(cut: Cut, access: Sequence[str | None], axes: int = 1) -> str:
    """The text of a kernel. Its arguments: those of `text.kernel`, and scratch memory for each dtype of `scratch.rows`.

    Args:
        cut: What it computes.
        access: For each input that is read the index of an element, as `text.kernel` has it.
        axes: How many axes the elements of the outputs have.
    """
    whole, memory = cut.whole, list(rows(cut))
    inputs, outputs = (f"x{slot}" for slot in whole.inputs), (f"y{n}" for n in range(len(whole.outputs)))
    places = (one for dtype in memory for one in (array(dtype), own(dtype)))
    arguments = ", ".join([*text.AXES[:axes], *inputs, *outputs, *places])
    known = dict(zip(whole.inputs, access, strict=True))
    functions = [_function(cut, number, arguments, known, axes) for number in range(len(cut.segments))]
    calls = [line for number in range(len(functions)) for line in (FENCE, f"segment{number}({arguments})")]
    once = list(begin(cut)) if memory else []
    frame = text.framed(whole, axes, once, calls[1:], [array(dtype) for dtype in memory])
    return "\n\n".join([*functions, frame])


def _function(cut: Cut, number: int, arguments: str, access: Mapping[int, str | None], axes: int) -> str:
    program, kinds = cut.segments[number], [dtype for dtype, _ in cut.rows]

    def load(slot: int, row: int) -> str:
        return element(kinds[-1 - slot], row) if slot < 0 else text.argument(slot, str(row), access[slot])

    def where(store: Store) -> str:
        kind = store.output - len(cut.whole.outputs)
        return text.result(store.output, store.row, axes) if kind < 0 else element(kinds[kind], store.row)

    lines = text.with_stores(program, where, load)
    return "\n".join(["@device", f"def segment{number}({arguments}):", *indented(lines, 1)]) + "\n"
