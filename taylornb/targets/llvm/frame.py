"""What stands around the body of a kernel: the loops over elements, and the rows that it loads and stores.

    kernel(table, o0, o1, p0, p1)    rows o0 … o1 of the outer axis, elements p0 … p1 of the inner one
      rows(…)                        whole vectors, one after the other: the only place with the program in it

Where the last elements do not fill a vector, one that ends with them does some again. Where there are fewer than a vector,
or results stream past the caches and so must start at cache lines, they are copied to a buffer, filled up with copies of
the first. All go through the same machine code: an element's bits do not depend on its place. `table` holds three
numbers for each array: its address, and the bytes from one row of its planes, and from one step of the outer axis, to
the next. A kernel that needs scratch memory finds its address, of whole cache lines, behind those; there are many rows
then, and elements come to it and leave it in blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol

from ...program import Program
from ...rolled import Rolled
from . import blocks
from .blocks import LINE, Array
from .text import Code, Vector


class Scratch(NamedTuple):
    """Memory of its own that a body works in.

    Attributes:
        size: Its bytes, in whole cache lines; the buffers of the arrays stand behind them.
        block: How many elements of each array these have.
        rows: The rows that the body loads and stores by number; it finds others by itself.
        clear: Appends what is done before the first elements.
    """

    size: int
    block: int
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
            self.fetch(array, known, self.ahead)
        return self._vector(array, address)

    def fetch(self, array: Array, start: str, ahead: int = 0) -> None:
        """Ask for a vector of a row that starts there, or so many bytes behind."""
        self.code.module.declare("llvm.prefetch.p0", "void", "ptr", "i32", "i32", "i32")
        place = self._at(array, start)
        for line in range(ahead, ahead + self.lanes * array.size, LINE):
            there = self.code.emit(f"getelementptr i8, ptr {place}, i64 {line}")
            self.code.do(f"call void @llvm.prefetch.p0(ptr {there}, i32 0, i32 3, i32 1)")  # to read, and soon, of data

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
    rows = Rows(code, arrays, lanes, streaming and scratch is None, ahead)
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
    parameters = list[str]()
    for a in arrays:
        parameters += [f"ptr noalias %{a.name}", f"i64 %{a.name}.row"]
        parameters += [f"ptr %{a.name}.next", f"i64 %{a.name}.next.row"] if scratch is not None and a.read and a.follows else []
    parameters += ["ptr noalias %scratch"] if scratch is not None else []
    head = f"define internal void @rows({', '.join([*parameters, 'i64 %from, i64 %to'])}) noinline nounwind {{\nentry:\n"
    code.module.define("rows", head + "\n".join(code.lines) + "\n}\n")
    blocks.define(code, arrays, lanes, 0 if scratch is None else scratch.block, streaming)
    code.module.define("kernel", _driver(arrays, lanes, scratch, streaming))
    return code.module.text()


def _driver(arrays: Sequence[Array], lanes: int, scratch: Scratch | None, streaming: bool) -> str:
    lines = ["define void @kernel(ptr %table, i64 %o0, i64 %o1, i64 %p0, i64 %p1) nounwind {", "entry:"]
    lines += _table(arrays, lanes, scratch)
    whole = streaming and scratch is None  # vectors all start at cache lines
    lines += [
        "%count = sub i64 %p1, %p0",
        f"%rest = and i64 %count, {lanes - 1}",
        "%whole = sub i64 %p1, %rest",
        "%left = icmp ne i64 %rest, 0",
        f"%last = sub i64 %p1, {lanes}",
        "%enough = icmp sge i64 %last, %p0",
        "br label %outer",
        "outer:",
        "%o = phi i64 [ %o0, %entry ], [ %o2, %next ]",
    ]
    for a in arrays:
        lines.append(f"%{a.name}.by = mul i64 %o, %{a.name}.outer")
        lines.append(f"%{a.name}.here = getelementptr i8, ptr %{a.name}, i64 %{a.name}.by")
    lines += _blocks(arrays, scratch, streaming) if scratch is not None else ["%first = add i64 %p0, 0"]
    lines += [
        "%some = icmp slt i64 %first, %whole",
        "br i1 %some, label %main, label %after",
        "main:",
        _rows(arrays, scratch, 0, "i64 %first, i64 %whole"),
        "br label %after",
        "after:",
        "br i1 %left, label %ends, label %next",
        "ends:",
        f"br i1 {'false' if whole else '%enough'}, label %again, label %tail",
        "again:",
        _rows(arrays, scratch, 0, "i64 %last, i64 %p1"),
        "br label %next",
        "tail:",
        *_tail(arrays, lanes, scratch),
        "br label %next",
        "next:",
        "%o2 = add i64 %o, 1",
        "%more = icmp slt i64 %o2, %o1",
        "br i1 %more, label %outer, label %end",
        "end:",
        "fence seq_cst" if streaming else "",
        "ret void",
        "}",
        "",
    ]
    return "\n".join(lines)


def _table(arrays: Sequence[Array], lanes: int, scratch: Scratch | None) -> list[str]:
    """Reads the table, and finds memory for buffers."""
    lines, sizes = list[str](), blocks.buffers(arrays, lanes if scratch is None else scratch.block)
    for n, array in enumerate(arrays):
        for k, (suffix, kind) in enumerate((("", "ptr"), (".row", "i64"), (".outer", "i64"))):
            lines.append(f"%at.{array.name}{suffix} = getelementptr i64, ptr %table, i64 {3 * n + k}")
            lines.append(f"%{array.name}{suffix} = load {kind}, ptr %at.{array.name}{suffix}")
        if array.follows and scratch is None:
            lines.append(f"%{array.name}.buffer = alloca [{sizes[n]} x i8], align {LINE}")
    if scratch is not None:
        lines += [f"%at.scratch = getelementptr i64, ptr %table, i64 {3 * len(arrays)}", "%scratch = load ptr, ptr %at.scratch"]
        for array, offset in zip(arrays, accumulate(sizes, initial=scratch.size), strict=False):
            lines.append(f"%{array.name}.buffer = getelementptr i8, ptr %scratch, i64 {offset}")
    return lines


def _blocks(arrays: Sequence[Array], scratch: Scratch, streaming: bool) -> list[str]:
    """Computes whole blocks; what is left starts at %first."""
    block = scratch.block
    lines = [
        f"%until = sub i64 %p1, {block}",
        "%any = icmp sle i64 %p0, %until",
        "br i1 %any, label %block, label %past",
        "block:",
        "%at = phi i64 [ %p0, %outer ], [ %following, %block ]",
        f"%following = add i64 %at, {block}",
    ]
    moving = [array for array in arrays if array.follows]
    for a in moving:
        lines.append(f"%{a.name}.block = getelementptr {a.element}, ptr %{a.name}.here, i64 %at")
        lines.append(f"%{a.name}.next = getelementptr {a.element}, ptr %{a.name}.here, i64 %following")
    lines += [blocks.move(a, block, streaming) for a in moving if a.read]
    lines.append(_rows(arrays, scratch, block, f"i64 0, i64 {block}", following=True))
    lines += [blocks.move(a, block, streaming) for a in moving if not a.read]
    return [
        *lines,
        "%again.block = icmp sle i64 %following, %until",
        "br i1 %again.block, label %block, label %past",
        "past:",
        "%first = phi i64 [ %p0, %outer ], [ %following, %block ]",
    ]


def _tail(arrays: Sequence[Array], lanes: int, scratch: Scratch | None) -> list[str]:
    """Computes elements that do not fill a vector."""
    moving = [array for array in arrays if array.follows]
    lines = [f"%{a.name}.tail = getelementptr {a.element}, ptr %{a.name}.here, i64 %whole" for a in moving]
    lines += [blocks.rest(a, lanes) for a in moving if a.read]
    lines.append(_rows(arrays, scratch, lanes, f"i64 0, i64 {lanes}"))
    return lines + [blocks.rest(a, lanes) for a in moving if not a.read]


def _rows(arrays: Sequence[Array], scratch: Scratch | None, held: int, span: str, following: bool = False) -> str:
    """The call of the loop over vectors from the first element of a span to its last.

    It runs on the arrays themselves, or on buffers where these hold so many elements of each row: of a block, another may be
    `following`.
    """
    given = list[str]()
    for a in arrays:
        there = f"ptr %{a.name}.here, i64 %{a.name}.row"
        here = f"ptr %{a.name}.buffer, i64 {a.stride(held)}" if held and a.follows else there
        given.append(here)
        if scratch is not None and a.read and a.follows:
            given.append(f"ptr %{a.name}.next, i64 %{a.name}.row" if following else here)
    given += [] if scratch is None else ["ptr %scratch"]
    return f"call void @rows({', '.join([*given, span])})"
