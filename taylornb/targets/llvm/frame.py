"""What stands around the body of a kernel: the loops over elements, and the rows that it loads and stores.

    kernel(table, o0, o1, p0, p1)    rows o0 … o1 of the outer axis, elements p0 … p1 of the inner one
      rows(…)                        whole vectors, one after the other: the only place with the program in it

Where the last elements do not fill a vector, one that ends with them does some again. Where there are fewer than a vector,
or results stream past the caches and so must start at cache lines, they are copied to a buffer, filled up with copies of
the first. All go through the same machine code: an element's bits do not depend on its place. `table` holds three
numbers for each array: its address, and the bytes from one row of its planes, and from one step of the outer axis, to
the next. A kernel that needs scratch memory finds its address, of whole cache lines, behind those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple, Protocol

from ...program import Program
from ...rolled import Rolled
from .text import Code, Dtype, Vector

LINE = 64  # bytes
MEMORY = {"f8": "double", "f4": "float", "b1": "i8"}


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


class Scratch(NamedTuple):
    """Memory of its own that a body works in.

    Attributes:
        size: Its bytes, in whole cache lines; the last elements of each array stand behind them (`buffers`).
        rows: The rows that the body loads and stores by number; it finds others by itself.
        clear: Appends what is done before the first elements.
    """

    size: int
    rows: Sequence[tuple[str, int]]
    clear: Callable[[], None]


def arrays(program: Program | Rolled, follows: Sequence[bool]) -> list[Array]:
    """The arrays of a program, in the order of the table: the inputs that are read, then the outputs."""
    rows = {slot: 1 + max(row for other, row, _ in program.loads if other == slot) for slot in program.inputs}
    dtypes = {slot: dtype for slot, _, dtype in program.loads}
    ins = [Array(f"x{slot}", dtypes[slot], rows[slot], way) for slot, way in zip(program.inputs, follows, strict=True)]
    outs = [Array(f"y{n}", out.dtype, len(out.support.rows), True) for n, out in enumerate(program.outputs)]
    return [*ins, *outs]


class Ends(Protocol):
    """Where a program's loads come from and its stores go."""

    def load(self, *place: int) -> str:
        """The value at a place."""

    def store(self, output: int, row: int, value: str) -> None:
        """Write a value."""


class Rows:
    """Loads and stores of whole vectors at the place %i of the inner axis.

    Stores that stream go past the caches, which would otherwise read what is about to be written; rows start at cache lines.
    Loads ask for what stands so many bytes `ahead`, where rows are more than the processor follows by itself.
    """

    def __init__(self, code: Code, arrays: Sequence[Array], lanes: int, streaming: bool = False, ahead: int = 0) -> None:
        self.code, self.lanes, self.streaming, self.ahead = code, lanes, streaming, ahead
        self.arrays = {array.name: array for array in arrays}
        self._known: dict[tuple[str, int], str] = {}

    def start(self, row: tuple[str, int]) -> str:
        """The address of the first element of a row."""
        name, number = row
        if number == 0:
            return f"%{name}"
        offset = self.code.emit(f"mul i64 %{name}.row, {number}")
        return self.code.emit(f"getelementptr i8, ptr %{name}, i64 {offset}")

    def prepare(self, used: Sequence[tuple[str, int]]) -> None:
        """Before the loop: where each row starts, and the elements that serve all."""
        for row in used:
            array = self.arrays[row[0]]
            self._known[row] = self.start(row)
            if not array.follows:
                self._known[row] = self._spread(array, self._known[row])

    def load(self, *place: int) -> str:
        """A row of an input."""
        slot, row = place
        array = self.arrays[f"x{slot}"]
        known = self._known[array.name, row]
        if not array.follows:
            return known
        address = self._at(array, known)
        if self.ahead:
            self._prefetch(address, self.lanes * array.size)
        return self._vector(array, address)

    def _prefetch(self, place: str, size: int) -> None:
        self.code.module.declare("llvm.prefetch.p0", "void", "ptr", "i32", "i32", "i32")
        for line in range(0, size, LINE):
            ahead = self.code.emit(f"getelementptr i8, ptr {place}, i64 {self.ahead + line}")
            self.code.do(f"call void @llvm.prefetch.p0(ptr {ahead}, i32 0, i32 3, i32 1)")  # to read, and soon, of data

    def store(self, output: int, row: int, value: str) -> None:
        """Write a row of an output."""
        array = self.arrays[f"y{output}"]
        place, kind = self._at(array, self._known[array.name, row]), f"<{self.lanes} x {array.element}>"
        if array.dtype.kind == "b":
            value = self.code.emit(f"zext <{self.lanes} x i1> {value} to {kind}")
        if self.streaming and array.dtype.kind == "f":
            self.code.module.define("streaming", "!0 = !{i32 1}\n")
            self.code.do(f"store {kind} {value}, ptr {place}, align {min(self.lanes * array.size, LINE)}, !nontemporal !0")
        else:
            self.code.do(f"store {kind} {value}, ptr {place}, align {array.size}")

    def _at(self, array: Array, start: str) -> str:
        return self.code.emit(f"getelementptr {array.element}, ptr {start}, i64 %i")

    def _vector(self, array: Array, place: str) -> str:
        found = self.code.emit(f"load <{self.lanes} x {array.element}>, ptr {place}, align {array.size}")
        if array.dtype.kind != "b":
            return found
        return self.code.emit(f"icmp ne <{self.lanes} x i8> {found}, splat (i8 0)")

    def _spread(self, array: Array, place: str) -> str:
        code, one = self.code, self.code.emit(f"load {array.element}, ptr {place}, align {array.size}")
        if array.dtype.kind == "b":
            one = code.emit(f"icmp ne i8 {one}, 0")
        kind = Vector(code, self.lanes, array.dtype)
        first = code.emit(f"insertelement {kind.type} poison, {kind.element} {one}, i32 0")
        return code.emit(f"shufflevector {kind.type} {first}, {kind.type} poison, <{self.lanes} x i32> zeroinitializer")


def buffers(arrays: Sequence[Array], lanes: int) -> list[int]:
    """The bytes that the last elements of each array need, in whole cache lines."""
    return [-(-array.rows * lanes * array.size // LINE) * LINE if array.follows else 0 for array in arrays]


def text(
    code: Code,
    arrays: Sequence[Array],
    lanes: int,
    body: Callable[[Rows], None],
    scratch: Scratch | None = None,
    streaming: bool = False,
    ahead: int = 0,
) -> str:
    """The text of the kernel around a body."""
    rows = Rows(code, arrays, lanes, streaming, ahead)
    rows.prepare([(a.name, row) for a in arrays for row in range(a.rows)] if scratch is None else scratch.rows)
    if scratch is not None:
        scratch.clear()
    code.do("br label %loop")
    before = code.block
    code.label("loop")
    header = len(code.lines)
    body(rows)
    code.lines.insert(header, f"%i = phi i64 [ %from, %{before} ], [ %next, %{code.block} ]")
    code.do(f"%next = add i64 %i, {lanes}")
    code.do("%more = icmp slt i64 %next, %to")
    code.do("br i1 %more, label %loop, label %done")
    code.label("done")
    code.do("ret void")
    parameters = [text for a in arrays for text in (f"ptr noalias %{a.name}", f"i64 %{a.name}.row")]
    parameters += ["ptr noalias %scratch"] if scratch is not None else []
    head = f"define internal void @rows({', '.join([*parameters, 'i64 %from, i64 %to'])}) noinline nounwind {{\nentry:\n"
    code.module.define("rows", head + "\n".join(code.lines) + "\n}\n")
    for array in arrays:
        if array.follows:
            _copies(code, array, lanes)
    code.module.define("kernel", _driver(arrays, lanes, scratch, streaming))
    return code.module.text()


def _copies(code: Code, array: Array, lanes: int) -> None:
    """Functions that bring the last elements of each row into a buffer of whole vectors, and back."""
    kind, size = array.element, array.size
    for name, count, source, target in (
        (f"gather.{kind}", lanes, "%chosen", "%lane"),
        (f"scatter.{kind}", "%rest", "%lane", "%lane"),
    ):
        strides = ("%row", f"{lanes * size}") if name.startswith("gather") else (f"{lanes * size}", "%row")
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
  %pb = getelementptr {kind}, ptr %b, i64 {target}
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


def _driver(arrays: Sequence[Array], lanes: int, scratch: Scratch | None, streaming: bool) -> str:
    lines = ["define void @kernel(ptr %table, i64 %o0, i64 %o1, i64 %p0, i64 %p1) nounwind {", "entry:"]
    lines += _table(arrays, lanes, scratch)
    shared = [] if scratch is None else ["ptr %scratch"]
    at = [f"ptr %{a.name}.here, i64 %{a.name}.row" for a in arrays]
    lines += [
        "%count = sub i64 %p1, %p0",
        f"%rest = and i64 %count, {lanes - 1}",
        "%whole = sub i64 %p1, %rest",
        "%some = icmp slt i64 %p0, %whole",
        "%left = icmp ne i64 %rest, 0",
        f"%last = sub i64 %p1, {lanes}",
        "br label %outer",
        "outer:",
        "%o = phi i64 [ %o0, %entry ], [ %o2, %next ]",
    ]
    for a in arrays:
        lines.append(f"%{a.name}.by = mul i64 %o, %{a.name}.outer")
        lines.append(f"%{a.name}.here = getelementptr i8, ptr %{a.name}, i64 %{a.name}.by")
    lines += [
        "br i1 %some, label %main, label %after",
        "main:",
        f"call void @rows({', '.join([*at, *shared, 'i64 %p0, i64 %whole'])})",
    ]
    lines += ["br label %after", "after:", "br i1 %left, label %ends, label %next", "ends:"]
    if streaming:
        lines.append("br label %tail")
    else:
        lines += [
            "br i1 %some, label %again, label %tail",
            "again:",
            f"call void @rows({', '.join([*at, *shared, 'i64 %last, i64 %p1'])})",
            "br label %next",
        ]
    lines.append("tail:")
    lines += _few(arrays, lanes, at, shared)
    lines += ["br label %next", "next:", "%o2 = add i64 %o, 1", "%more = icmp slt i64 %o2, %o1"]
    lines += ["br i1 %more, label %outer, label %end", "end:", "fence seq_cst" if streaming else "", "ret void", "}", ""]
    return "\n".join(lines)


def _table(arrays: Sequence[Array], lanes: int, scratch: Scratch | None) -> list[str]:
    """Reads the table, and finds memory for buffers."""
    lines = list[str]()
    for n, array in enumerate(arrays):
        for k, (suffix, kind) in enumerate((("", "ptr"), (".row", "i64"), (".outer", "i64"))):
            lines.append(f"%at.{array.name}{suffix} = getelementptr i64, ptr %table, i64 {3 * n + k}")
            lines.append(f"%{array.name}{suffix} = load {kind}, ptr %at.{array.name}{suffix}")
        if array.follows and scratch is None:
            lines.append(f"%{array.name}.buffer = alloca [{array.rows * lanes} x {array.element}], align 64")
    if scratch is not None:
        lines += [f"%at.scratch = getelementptr i64, ptr %table, i64 {3 * len(arrays)}", "%scratch = load ptr, ptr %at.scratch"]
        for a, offset in zip(arrays, accumulate(buffers(arrays, lanes), initial=scratch.size), strict=False):
            lines.append(f"%{a.name}.buffer = getelementptr i8, ptr %scratch, i64 {offset}")
    return lines


def _few(arrays: Sequence[Array], lanes: int, at: list[str], shared: list[str]) -> list[str]:
    """Computes elements that do not fill a vector."""
    lines = list[str]()
    held = [f"ptr %{a.name}.buffer, i64 {lanes * a.size}" if a.follows else whole for a, whole in zip(arrays, at, strict=True)]
    for a in arrays:
        if a.follows:
            lines.append(f"%{a.name}.tail = getelementptr {a.element}, ptr %{a.name}.here, i64 %whole")
            if a.name.startswith("x"):
                lines.append(_copy("gather", a, f"%{a.name}.tail", f"%{a.name}.buffer"))
    lines.append(f"call void @rows({', '.join([*held, *shared, f'i64 0, i64 {lanes}'])})")
    lines += [_copy("scatter", a, f"%{a.name}.buffer", f"%{a.name}.tail") for a in arrays if a.name.startswith("y")]
    return lines


def _copy(direction: str, array: Array, source: str, target: str) -> str:
    rest = f"i64 %{array.name}.row, i64 {array.rows}, i64 %rest"
    return f"call void @{direction}.{array.element}(ptr {source}, ptr {target}, {rest})"
