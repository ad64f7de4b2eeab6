"""How do elements reach a kernel through memory of its own?

Elements that do not fill a vector are copied to a buffer, filled up with copies of the first. And where a kernel reads and
writes more rows than a processor can follow, each in a place of its own, blocks of elements are: so much of every row at
a time that it comes quickly, to where rows lie side by side, none in the way of another in the caches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .text import Code, Dtype

LINE = 64  # bytes
MEMORY = {"f8": "double", "f4": "float", "b1": "i8"}
BLOCK = 64  # elements at a time: eight lines of a row are read as quickly as memory gives them
NEAR = 1 << 20  # bytes that blocks may take, since they are to stay in the second cache; fewer elements at a time then


@dataclass(frozen=True)
class Array:
    """An array that a kernel reads or writes.

    Attributes:
        name: What the text calls it: x0, x1, … are inputs, y0, y1, … outputs.
        dtype: The kind of its elements.
        rows: How many rows of its planes are in use, counted from the first.
        follows: Whether it has an element for each of the inner axis.
    """

    name: str
    dtype: Dtype
    rows: int
    follows: bool

    @property
    def size(self) -> int:
        """The bytes of an element."""
        return self.dtype.itemsize

    @property
    def element(self) -> str:
        """The type of an element in memory."""
        return MEMORY[self.dtype.str[1:]]

    @property
    def read(self) -> bool:
        """Whether it is an input."""
        return self.name.startswith("x")

    def stride(self, elements: int) -> int:
        """The bytes from row to row of a buffer for so many elements: an odd number of lines, to use all sets of a cache."""
        return (-(-elements * self.size // LINE) | 1) * LINE


def length(arrays: Sequence[Array], lanes: int) -> int:
    """How many elements a block has: whole vectors, as many as leave blocks in a near cache."""
    count = BLOCK
    while count > lanes and sum(buffers(arrays, count)) > NEAR:
        count //= 2
    return max(count, lanes)


def buffers(arrays: Sequence[Array], elements: int) -> list[int]:
    """The bytes that so many elements of each array need."""
    return [array.rows * array.stride(elements) if array.follows else 0 for array in arrays]


# ---- functions that copy ---------------------------------------------------------------------------


def define(code: Code, arrays: Sequence[Array], lanes: int, block: int, streaming: bool) -> None:
    """The functions that the calls below are to."""
    for array in arrays:
        if array.follows:
            _define_rest(code, array, lanes)
            if block:
                _define_block(code, array, block, streaming and not array.read)


def rest(array: Array, lanes: int) -> str:
    """Copies the last elements of a row to a buffer of one vector a row, or back."""
    name, a, b = ("gather", "tail", "buffer") if array.read else ("scatter", "buffer", "tail")
    ends = f"ptr %{array.name}.{a}, ptr %{array.name}.{b}"
    return f"call void @{name}.{array.element}({ends}, i64 %{array.name}.row, i64 {array.rows}, i64 %rest)"


def move(array: Array, block: int, streaming: bool) -> str:
    """Copies a block to its buffer, or back."""
    there, here = f"ptr %{array.name}.block, i64 %{array.name}.row", f"ptr %{array.name}.buffer, i64 {array.stride(block)}"
    ends = f"{here}, {there}" if array.read else f"{there}, {here}"
    return f"call void @{_name(array, streaming and not array.read)}({ends}, i64 {array.rows})"


def _name(array: Array, streaming: bool) -> str:
    return f"{'stream' if streaming and array.dtype.kind == 'f' else 'move'}.{array.element}"


def _define_block(code: Code, array: Array, block: int, streaming: bool) -> None:
    """Copies so many elements of each row; past the caches, whole lines of them."""
    name, size = _name(array, streaming), block * array.size
    if name.startswith("stream"):
        code.module.define("streaming", "!0 = !{i32 1}\n")
        lines = list[str]()
        for at in range(0, size, LINE):
            lines += [f"%s{at} = getelementptr i8, ptr %s, i64 {at}", f"%t{at} = getelementptr i8, ptr %t, i64 {at}"]
            lines += [f"%v{at} = load <{LINE} x i8>, ptr %s{at}, align {LINE}"]
            lines += [f"store <{LINE} x i8> %v{at}, ptr %t{at}, align {LINE}, !nontemporal !0"]
        copy = "\n  ".join(lines)
    else:
        code.module.declare("llvm.memcpy.p0.p0.i64", "void", "ptr", "ptr", "i64", "i1")
        copy = f"call void @llvm.memcpy.p0.p0.i64(ptr align {array.size} %t, ptr align {array.size} %s, i64 {size}, i1 false)"
    code.module.define(
        name,
        f"""define internal void @{name}(ptr %to, i64 %to.row, ptr %from, i64 %from.row, i64 %rows) noinline nounwind {{
entry:
  br label %loop
loop:
  %r = phi i64 [ 0, %entry ], [ %r1, %loop ]
  %to.by = mul i64 %r, %to.row
  %from.by = mul i64 %r, %from.row
  %t = getelementptr i8, ptr %to, i64 %to.by
  %s = getelementptr i8, ptr %from, i64 %from.by
  {copy}
  %r1 = add i64 %r, 1
  %more = icmp slt i64 %r1, %rows
  br i1 %more, label %loop, label %done
done:
  ret void
}}
""",
    )


def _define_rest(code: Code, array: Array, lanes: int) -> None:
    """Copies the last elements of each row into a buffer of whole vectors, or back."""
    kind, size = array.element, array.size
    name, count, source = (f"gather.{kind}", lanes, "%chosen") if array.read else (f"scatter.{kind}", "%rest", "%lane")
    strides = ("%row", array.stride(lanes)) if array.read else (array.stride(lanes), "%row")
    code.module.define(
        name,
        f"""define internal void @{name}(ptr %source, ptr %target, i64 %row, i64 %rows, i64 %rest) noinline nounwind {{
entry:
  br label %outer
outer:
  %r = phi i64 [ 0, %entry ], [ %r1, %last ]
  %from = mul i64 %r, {strides[0]}
  %to = mul i64 %r, {strides[1]}
  %a = getelementptr i8, ptr %source, i64 %from
  %b = getelementptr i8, ptr %target, i64 %to
  br label %inner
inner:
  %lane = phi i64 [ 0, %outer ], [ %lane1, %inner ]
  %in = icmp slt i64 %lane, %rest
  %chosen = select i1 %in, i64 %lane, i64 0
  %pa = getelementptr {kind}, ptr %a, i64 {source}
  %pb = getelementptr {kind}, ptr %b, i64 %lane
  %item = load {kind}, ptr %pa, align {size}
  store {kind} %item, ptr %pb, align {size}
  %lane1 = add i64 %lane, 1
  %more = icmp slt i64 %lane1, {count}
  br i1 %more, label %inner, label %last
last:
  %r1 = add i64 %r, 1
  %again = icmp slt i64 %r1, %rows
  br i1 %again, label %outer, label %done
done:
  ret void
}}
""",
    )
