"""How are operations on vectors of numbers written in LLVM's language?"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

Dtype = np.dtype[Any]
FLOATS = {"f8": "double", "f4": "float", "b1": "i1"}


@dataclass
class Module:
    """A text under construction: declarations and whole functions, each distinct one once.

    Attributes:
        external: The functions that the text calls and others define, by their C name.
    """

    external: set[str] = field(default_factory=set)
    _parts: dict[str, str] = field(default_factory=dict)

    def declare(self, name: str, result: str, *arguments: str) -> None:
        """Declare an intrinsic or an external function."""
        if not name.startswith("llvm."):
            self.external.add(name)
        pure = "" if name.startswith("llvm.") else " nounwind willreturn memory(none)"
        self._parts.setdefault(name, f"declare {result} @{name}({', '.join(arguments)}){pure}\n")

    def define(self, name: str, text: str) -> None:
        """Add a function or a global that was written elsewhere."""
        self._parts.setdefault(name, text)

    def has(self, name: str) -> bool:
        """Whether it is declared or defined."""
        return name in self._parts

    def text(self) -> str:
        """The whole."""
        return "\n".join(self._parts.values())


@dataclass
class Code:
    """The body of one function, instruction by instruction."""

    module: Module
    lines: list[str] = field(default_factory=list)
    block: str = "entry"  # the label of the block that is being written, for phi
    _count: int = 0

    def emit(self, text: str) -> str:
        """Append an instruction with a result; the name of the result."""
        self._count += 1
        self.lines.append(f"%v{self._count} = {text}")
        return f"%v{self._count}"

    def do(self, text: str) -> None:
        """Append an instruction without a result."""
        self.lines.append(text)

    def name(self, stem: str) -> str:
        """A name for a label that nothing else has."""
        self._count += 1
        return f"{stem}{self._count}"

    def label(self, name: str) -> None:
        """Begin a block."""
        self.lines.append(f"{name}:")
        self.block = name


@dataclass(frozen=True)
class Vector:
    """Operations on vectors of floats of one kind. Every method appends instructions and returns the name of the result.

    Nothing is reassociated or contracted unless `fast` says that a product and a sum may be fused.

    Attributes:
        code: Where the instructions go.
        lanes: Elements of a vector.
        dtype: float64 or float32.
        contract: Whether products and sums may be fused.
    """

    code: Code
    lanes: int
    dtype: Dtype
    contract: bool = False

    @property
    def element(self) -> str:
        """The type of an element."""
        return FLOATS[self.dtype.str[1:]]

    @property
    def bits_of_element(self) -> int:
        """64 or 32."""
        return 8 * self.dtype.itemsize

    @property
    def type(self) -> str:
        """The type of a vector."""
        return f"<{self.lanes} x {self.element}>"

    @property
    def whole(self) -> str:
        """The type of a vector of integers of the same width."""
        return f"<{self.lanes} x i{self.bits_of_element}>"

    @property
    def mask(self) -> str:
        """The type of a vector of truth values."""
        return f"<{self.lanes} x i1>"

    @property
    def suffix(self) -> str:
        """What ends the name of an intrinsic on such vectors."""
        return f"v{self.lanes}f{self.bits_of_element}"

    # ---- constants -------------------------------------------------------------------------------

    def constant(self, number: float) -> str:
        """The number in every lane, rounded to the kind."""
        return f"splat ({self.element} {self.scalar(number)})"

    def constants(self, numbers: Sequence[float]) -> str:
        """A number for each lane."""
        return f"<{', '.join(f'{self.element} {self.scalar(number)}' for number in numbers)}>"

    def scalar(self, number: float) -> str:
        """The number as LLVM writes it: the bits of the double of the same value."""
        with np.errstate(all="ignore"):
            rounded = float(self.dtype.type(number))
        return f"0x{struct.unpack('<Q', struct.pack('<d', rounded))[0]:016X}"

    def integer(self, number: int) -> str:
        """The whole number in every lane, modulo 2^width."""
        wrapped = number & ((1 << self.bits_of_element) - 1)
        return f"splat (i{self.bits_of_element} {wrapped})"

    # ---- arithmetic ------------------------------------------------------------------------------

    def add(self, a: str, b: str) -> str:
        """The sum a + b."""
        return self._binary("fadd", a, b)

    def subtract(self, a: str, b: str) -> str:
        """The difference a − b."""
        return self._binary("fsub", a, b)

    def multiply(self, a: str, b: str) -> str:
        """The product a·b."""
        return self._binary("fmul", a, b)

    def divide(self, a: str, b: str) -> str:
        """The quotient a/b."""
        return self._binary("fdiv", a, b)

    def negative(self, a: str) -> str:
        """−a, by its sign bit."""
        return self.code.emit(f"fneg {self.type} {a}")

    def fma(self, a: str, b: str, c: str) -> str:
        """The sum a·b + c, rounded once."""
        return self.intrinsic("fma", a, b, c)

    def madd(self, a: str, b: str, c: str) -> str:
        """The sum a·b + c, rounded once where the machine does so as fast."""
        return self.intrinsic("fmuladd", a, b, c)

    def intrinsic(self, name: str, *args: str) -> str:
        """An intrinsic of floats: sqrt, fabs, rint, floor, ceil, trunc, copysign."""
        return self.call(f"llvm.{name}.{self.suffix}", *args)

    def call(self, name: str, *args: str) -> str:
        """A function from vectors to a vector."""
        self.code.module.declare(name, self.type, *[self.type] * len(args))
        return self.code.emit(f"call {self.type} @{name}({', '.join(f'{self.type} {a}' for a in args)})")

    def compare(self, predicate: str, a: str, b: str) -> str:
        """A mask; the predicate is LLVM's: oeq, ogt, oge, olt, ole, une, uno, ord, ugt."""
        return self.code.emit(f"fcmp {predicate} {self.type} {a}, {b}")

    def select(self, mask: str, a: str, b: str) -> str:
        """The lanes of a where the mask holds, else those of b."""
        return self.code.emit(f"select {self.mask} {mask}, {self.type} {a}, {self.type} {b}")

    def _binary(self, name: str, a: str, b: str) -> str:
        flags = "contract " if self.contract else ""
        return self.code.emit(f"{name} {flags}{self.type} {a}, {b}")

    # ---- bits ------------------------------------------------------------------------------------

    def bits(self, x: str) -> str:
        """The bits of floats as whole numbers."""
        return self.code.emit(f"bitcast {self.type} {x} to {self.whole}")

    def floats(self, bits: str) -> str:
        """The floats that have these bits."""
        return self.code.emit(f"bitcast {self.whole} {bits} to {self.type}")

    def integers(self, operation: str, a: str, b: str) -> str:
        """An operation on whole numbers: add, sub, mul, and, or, xor, shl, lshr, ashr."""
        return self.code.emit(f"{operation} {self.whole} {a}, {b}")

    def compare_integers(self, predicate: str, a: str, b: str) -> str:
        """A mask; the predicate is LLVM's: eq, ne, sgt, slt, ugt, ult."""
        return self.code.emit(f"icmp {predicate} {self.whole} {a}, {b}")

    def select_integers(self, mask: str, a: str, b: str) -> str:
        """The lanes of a where the mask holds, else those of b."""
        return self.code.emit(f"select {self.mask} {mask}, {self.whole} {a}, {self.whole} {b}")

    # ---- masks -----------------------------------------------------------------------------------

    def logic(self, operation: str, a: str, b: str) -> str:
        """An operation on masks: and, or, xor."""
        return self.code.emit(f"{operation} {self.mask} {a}, {b}")

    def opposite(self, mask: str) -> str:
        """The mask that holds where this one does not."""
        return self.logic("xor", mask, "splat (i1 true)")

    def any(self, mask: str) -> str:
        """Whether it holds in some lane, as a single i1."""
        name = f"llvm.vector.reduce.or.v{self.lanes}i1"
        self.code.module.declare(name, "i1", self.mask)
        return self.code.emit(f"call i1 @{name}({self.mask} {mask})")

    # ---- part by part ----------------------------------------------------------------------------

    def piecewise(self, lanes: int, build: Callable[..., str], *args: str) -> str:
        """What `build` makes of vectors of exactly so many lanes: of each part of longer ones, or of shorter ones filled up."""
        part = replace(self, lanes=lanes)
        if lanes == self.lanes:
            return build(part, *args)
        if lanes > self.lanes:
            filled = [self._shuffled(arg, [n % self.lanes for n in range(lanes)]) for arg in args]
            return part._shuffled(build(part, *filled), range(self.lanes))
        starts = range(0, self.lanes, lanes)
        found = [build(part, *[self._shuffled(arg, range(n, n + lanes)) for arg in args]) for n in starts]
        while len(found) > 1:
            found = [part._shuffled(a, range(2 * part.lanes), b) for a, b in zip(found[::2], found[1::2], strict=True)]
            part = replace(part, lanes=2 * part.lanes)
        return found[0]

    def _shuffled(self, a: str, places: Sequence[int], b: str = "poison") -> str:
        order = f"<{len(places)} x i32> <{', '.join(f'i32 {n}' for n in places)}>"
        return self.code.emit(f"shufflevector {self.type} {a}, {self.type} {b}, {order}")

    # ---- lane by lane ----------------------------------------------------------------------------

    def each(self, name: str, *args: str) -> str:
        """A scalar C function of doubles (of floats for float32), applied to each lane."""
        self.code.module.declare(name, self.element, *[self.element] * len(args))
        result = "poison"
        for lane in range(self.lanes):
            items = [self.code.emit(f"extractelement {self.type} {arg}, i32 {lane}") for arg in args]
            one = self.code.emit(f"call {self.element} @{name}({', '.join(f'{self.element} {item}' for item in items)})")
            result = self.code.emit(f"insertelement {self.type} {result}, {self.element} {one}, i32 {lane}")
        return result

    def patch(self, mask: str, fast: dict[str, str], *args: str) -> list[str]:
        """The values of `fast`, but the C functions named by its keys, of the arguments, in the lanes of the mask.

        They are called only if there is such a lane.
        """
        code, some = self.code, self.any(mask)
        before, slow, after = code.block, code.name("slow"), code.name("after")
        code.do(f'br i1 {some}, label %{slow}, label %{after}, !prof !{{!"branch_weights", i32 1, i32 100000}}')
        code.label(slow)
        right = [self.select(mask, self.each(function, *args), y) for function, y in fast.items()]
        code.do(f"br label %{after}")
        last = code.block
        code.label(after)
        pairs = zip(fast.values(), right, strict=True)
        return [code.emit(f"phi {self.type} [ {y}, %{before} ], [ {other}, %{last} ]") for y, other in pairs]
