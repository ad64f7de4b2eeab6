"""How is a sum of products of coefficients a loop: several at a time, none waiting for the one before?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from ...rolled import UNROLL, Band, Runs, Sum, Table
from ..reference import real
from .scratch import Memory
from .text import Vector
from .unrolled import DOUBLE

PAIR = 4  # bytes of a pair in a table


def total(memory: Memory, one: Sum, i: str, span: range, backward: bool, known: str | None = None) -> str:
    """Append a sum at the monomial i.

    Args:
        memory: Where the coefficients are.
        one: The sum.
        i: The monomial.
        span: Between which monomials i is.
        backward: Whether the latest coefficients are those of b: they are taken last, since they may be on their way.
        known: What is in the sum besides the pairs that are listed; of a square, once.
    """
    v = Vector(memory.code, memory.lanes, one.dtype, contract=True)
    if isinstance(one.over, Band):
        found = _Band(memory, one, v, i).total(one.over, span, backward or one.half)
    else:
        found = _Table(memory, one, v, i).total(_listed(one.over))
    if known is not None:
        found = v.add(known, found)
    if not one.half:
        return found
    middle = _middle(memory, one, i, span)
    return v.madd(middle, middle, v.add(found, found))


def _listed(over: Table | Runs) -> Table:
    return over.rest if isinstance(over, Runs) else over


def _middle(memory: Memory, one: Sum, i: str, span: range) -> str:
    """The coefficient whose square is in the sum, or zero."""
    code = memory.code
    if not isinstance(one.over, Band):
        return memory.read(memory.at(one.a, memory.entry(_listed(one.over).middle, i)), one.dtype)
    j, none = code.emit(f"lshr i64 {i}, 1"), code.emit(f"trunc i64 {i} to i1")
    first, last = one.over.a
    if span[0] // 2 < first:
        none = code.emit(f"or i1 {none}, {code.emit(f'icmp slt i64 {j}, {first}')}")
    if span[-1] // 2 > last:
        none = code.emit(f"or i1 {none}, {code.emit(f'icmp sgt i64 {j}, {last}')}")
    # The zero at the end stands for a coefficient that is not there.
    return memory.read(memory.at(one.a, code.emit(f"select i1 {none}, i64 {memory.rolled.size}, i64 {j}")), one.dtype)


class Totals:
    """Products added to several totals in turn."""

    count = UNROLL

    def __init__(self, memory: Memory, one: Sum, v: Vector, i: str) -> None:
        self.memory, self.code, self.one, self.v, self.i = memory, memory.code, one, v, i
        self.totals = ["zeroinitializer"] * self.count

    def added(self, totals: list[str] | None = None) -> str:
        """All totals as one, or some of them."""
        rest = list(self.totals if totals is None else totals)
        while len(rest) > 1:
            rest = [self.v.add(x, y) for x, y in zip(rest[::2], rest[1::2], strict=False)] + rest[len(rest) & ~1 :]
        return rest[0]

    def pairs(self, here: str, count: int) -> Iterator[tuple[str, str]]:
        """The next pairs of a list, two by one load: loads of numbers and of vectors wait for the same units."""
        emit = self.code.emit
        kind, bits = ("i64", 64) if count > 1 else ("i32", 32)
        for which in range(0, count, 2):
            place = emit(f"getelementptr i8, ptr {here}, i64 {PAIR * which}")
            word = emit(f"load {kind}, ptr {place}, align {PAIR}")
            word = word if count > 1 else emit(f"zext i32 {word} to i64")
            shifted = [emit(f"lshr i64 {word}, {shift}") if shift else word for shift in range(0, bits, 16)]
            numbers = [*(emit(f"and i64 {one}, 65535") for one in shifted[:-1]), shifted[-1]]
            yield from zip(numbers[::2], numbers[1::2], strict=True)

    def add(self, which: int, places: tuple[str, str], pair: tuple[str, str] | None) -> None:
        """Add weight·a·b to a total, by the addresses of the coefficients, and by the monomials if there are weights."""
        x, y = (self.memory.read(place, self.one.dtype) for place in places)
        if self.one.weight is not None and pair is not None:
            y = self.v.multiply(self._weight(self.one.weight, *pair), y)
        self.totals[which] = self.v.madd(x, y, self.totals[which])

    def _weight(self, weight: tuple[Fraction, Fraction], j: str, k: str) -> str:
        """The weight l·deg j + r·deg k: one number, rounded once where l is ±1, since the two may nearly cancel."""
        code, one = self.code, Vector(self.code, 1, DOUBLE)
        left, right = (code.emit(f"sitofp i64 {self.memory.degree(n)} to double") for n in (j, k))
        code.module.declare("llvm.fma.f64", "double", "double", "double", "double")
        first = code.emit(f"fmul double {one.scalar(real(weight[0]))}, {left}")
        found = code.emit(f"call double @llvm.fma.f64(double {one.scalar(real(weight[1]))}, double {right}, double {first})")
        if self.v.dtype != DOUBLE:
            found = code.emit(f"fptrunc double {found} to {self.v.element}")
        return self.memory.spread(found, self.v.dtype)

    def turns(self, count: str, step: Callable[[str], None]) -> None:
        """So many turns of a step, which takes the number of the turn and changes the totals; there may be none."""
        code, start = self.code, self.totals
        before, head, after, n = code.block, code.name("sum"), code.name("summed"), f"%{code.name('n')}"
        code.do(f"br i1 {code.emit(f'icmp sgt i64 {count}, 0')}, label %{head}, label %{after}")
        code.label(head)
        mark = len(code.lines)
        names = [f"%{code.name('t')}" for _ in start]
        self.totals = list(names)
        step(n)
        following = code.emit(f"add i64 {n}, 1")
        more = code.emit(f"icmp slt i64 {following}, {count}")
        code.do(f"br i1 {more}, label %{head}, label %{after}")
        phis = [f"{n} = phi i64 [ 0, %{before} ], [ {following}, %{code.block} ]"]
        for name, first, end in zip(names, start, self.totals, strict=True):
            phis.append(f"{name} = phi {self.v.type} [ {first}, %{before} ], [ {end}, %{code.block} ]")
        code.lines[mark:mark] = phis
        self._meet(before, start, after)

    def once(self, condition: str, step: Callable[[], None]) -> None:
        """A step that is done if a condition holds."""
        code, start = self.code, list(self.totals)
        before, there, after = code.block, code.name("some"), code.name("past")
        code.do(f"br i1 {condition}, label %{there}, label %{after}")
        code.label(there)
        step()
        code.do(f"br label %{after}")
        self._meet(before, start, after)

    def _meet(self, before: str, start: list[str], after: str) -> None:
        last, found = self.code.block, self.totals
        self.code.label(after)
        self.totals = [
            one if one == other else self.code.emit(f"phi {self.v.type} [ {one}, %{before} ], [ {other}, %{last} ]")
            for one, other in zip(start, found, strict=True)
        ]


class _Band(Totals):
    """Pairs j + k = i with both in an interval."""

    def total(self, band: Band, span: range, backward: bool) -> str:
        """The sum, from the first j on or from the last on."""
        emit, stride = self.code.emit, self.memory.stride(self.one.dtype)
        first, last = self._ends(band, span)
        sign, start = (-1, last) if backward else (1, first)
        a = self.memory.at(self.one.a, start)
        b = self.memory.at(self.one.b, emit(f"sub i64 {self.i}, {start}"))

        def products(done: str, count: int, which: int = 0) -> None:
            here = emit(f"getelementptr [{stride} x i8], ptr {a}, i64 {done if sign > 0 else emit(f'sub i64 0, {done}')}")
            there = emit(f"getelementptr [{stride} x i8], ptr {b}, i64 {done if sign < 0 else emit(f'sub i64 0, {done}')}")
            for n in range(count):
                at = tuple(emit(f"getelementptr i8, ptr {p}, i64 {s * n * stride}") for p, s in ((here, sign), (there, -sign)))
                self.add(which + n, at, self._pair(start, done, sign, n))  # type: ignore[arg-type]

        whole = emit(f"add i64 {emit(f'sub i64 {last}, {first}')}, 1")
        count = self._limit("smax", whole, "0")
        fours = emit(f"lshr i64 {count}, 2")
        self.turns(fours, lambda n: products(emit(f"shl i64 {n}, 2"), UNROLL))
        done = emit(f"and i64 {count}, -4")
        self.once(self._bit(count, 2), lambda: products(done, 2))
        done = emit(f"and i64 {count}, -2")
        self.once(self._bit(count, 1), lambda: products(done, 1, 2))
        return self.added()

    def _ends(self, band: Band, span: range) -> tuple[str, str]:
        """The first j and the last; limits that no i of the span meets are left out."""
        emit, (a0, a1), (b0, b1) = self.code.emit, band.a, band.b
        first = str(a0) if span[-1] - b1 <= a0 else self._limit("smax", emit(f"sub i64 {self.i}, {b1}"), str(a0))
        if self.one.half:
            return first, emit(f"lshr i64 {emit(f'sub i64 {self.i}, 1')}, 1")
        last = emit(f"sub i64 {self.i}, {b0}")
        return first, last if span[-1] - b0 <= a1 else self._limit("smin", last, str(a1))

    def _pair(self, start: str, done: str, sign: int, n: int) -> tuple[str, str] | None:
        if self.one.weight is None:
            return None
        further = self.code.emit(f"add i64 {done}, {n}")
        j = self.code.emit(f"{'add' if sign > 0 else 'sub'} i64 {start}, {further}")
        return j, self.code.emit(f"sub i64 {self.i}, {j}")

    def _bit(self, count: str, bit: int) -> str:
        return self.code.emit(f"icmp ne i64 {self.code.emit(f'and i64 {count}, {bit}')}, 0")

    def _limit(self, name: str, x: str, limit: str) -> str:
        self.code.module.declare(f"llvm.{name}.i64", "i64", "i64", "i64")
        return self.code.emit(f"call i64 @llvm.{name}.i64(i64 {x}, i64 {limit})")


class _Table(Totals):
    """Pairs from a list."""

    def total(self, table: Table) -> str:
        """The sum."""
        memory, emit = self.memory, self.code.emit
        weighed = self.one.weight is not None
        stride = memory.stride(self.one.dtype)
        pairs, step = (table.pairs, stride) if weighed else memory.scaled(table.pairs, self.one.dtype)
        name, bases = memory.table(pairs), (memory.base(self.one.a), memory.base(self.one.b))
        first = memory.entry(table.start, self.i, 4)
        stop = memory.entry(table.start, emit(f"add i64 {self.i}, 1"), 4)
        begin = emit(f"getelementptr [{PAIR} x i8], ptr {name}, i64 {first}")

        def products(n: str) -> None:
            here = emit(f"getelementptr [{PAIR * UNROLL} x i8], ptr {begin}, i64 {n}")
            for which, (j, k) in enumerate(self.pairs(here, UNROLL)):
                at = [emit(f"getelementptr [{step} x i8], ptr {base}, i64 {n}") for base, n in zip(bases, (j, k), strict=True)]
                self.add(which, (at[0], at[1]), (j, k))

        self.turns(emit(f"lshr i64 {emit(f'sub i64 {stop}, {first}')}, 2"), products)
        return self.added()
