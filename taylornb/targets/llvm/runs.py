"""How are products of whole runs of monomials summed, for up to four monomials of a run at a time?

At o·x^q, …, o·x^(q+3) each pair of runs p, r with p·r = o gives products of p·x^s and r·x^(q+m−s). Those with s < q come in
tiles of four s, which share what is loaded; those with s = q + u stand in line. The sums are kept until their monomials come.
"""

from __future__ import annotations

from ...rolled import GROUPS, SIDE, Runs, Sum
from .scratch import Memory
from .sums import PAIR, Totals
from .text import Vector

PARTS = 4  # totals of a sum, at most
SHIFTS = {1: 0, 2: 1, 4: 2}


def total(memory: Memory, one: Sum, i: str) -> str:
    """Append the part of the sum at the monomial i that is products of runs, computed where its tile begins."""
    code, runs, room = memory.code, one.over, memory.room(one)
    assert isinstance(runs, Runs)
    v = Vector(code, memory.lanes, one.dtype, contract=True)
    counts = {count: code.name(f"tile{count}.") for count in sorted({*runs.tile} - {0})}
    after = code.name("tiled")
    kind = memory.entry(runs.tile, i, 1)
    code.do(
        f"switch i64 {kind}, label %{after} [ {' '.join(f'i64 {count}, label %{name}' for count, name in counts.items())} ]"
    )
    for count, name in counts.items():
        code.label(name)
        _Tile(memory, one, v, i, count).write(runs, room)
        code.do(f"br label %{after}")
    code.label(after)
    place = code.emit(f"and i64 {memory.entry(runs.inner, i)}, {SIDE - 1}")
    return memory.read(code.emit(f"getelementptr [{memory.stride(one.dtype)} x i8], ptr {room}, i64 {place}"), one.dtype)


class _Tile(Totals):
    """The sums of so many monomials, each in several parts."""

    def __init__(self, memory: Memory, one: Sum, v: Vector, i: str, monomials: int) -> None:
        self.group = GROUPS[monomials]
        self.parts = [range(0)] * monomials
        for m in range(monomials):
            start = self.parts[m - 1].stop if m else 0
            self.parts[m] = range(start, start + min(PARTS, self.group * (m + 1)))
        self.count = self.parts[-1].stop
        super().__init__(memory, one, v, i)
        self._turn = [0] * monomials

    def write(self, runs: Runs, room: str) -> None:
        """Compute and keep them."""
        emit, memory = self.code.emit, self.memory
        stride = memory.stride(self.one.dtype)
        pairs, self.step = memory.scaled(runs.pairs, self.one.dtype)
        first, last = memory.entry(runs.first, self.i, 4), memory.entry(runs.last, self.i, 4)
        self.begin = emit(f"getelementptr [{PAIR} x i8], ptr {memory.table(pairs)}, i64 {first}")
        count, inner = emit(f"sub i64 {last}, {first}"), memory.entry(runs.inner, self.i)
        a, b = memory.base(self.one.a), memory.base(self.one.b)
        if max(runs.tile) == SIDE:
            self.turns(emit(f"lshr i64 {inner}, 2"), lambda tile: self._far(count, tile, inner))
        here = emit(f"getelementptr [{stride} x i8], ptr {a}, i64 {inner}")
        groups = emit(f"lshr i64 {count}, {SHIFTS[self.group]}")
        self._products(groups, (here, b), self.group, [(u, m - u, m) for m in range(len(self.parts)) for u in range(m + 1)])
        for m, part in enumerate(self.parts):
            place = emit(f"getelementptr i8, ptr {room}, i64 {m * stride}")
            memory.write(place, self.one.dtype, self.added([self.totals[n] for n in part]))

    def _far(self, count: str, tile: str, inner: str) -> None:
        """The products with four s, from 4·tile on."""
        emit, stride = self.code.emit, self.memory.stride(self.one.dtype)
        s = emit(f"shl i64 {tile}, 2")
        back = emit(f"sub i64 {inner}, {s}")
        bases = (self.memory.base(self.one.a), s), (self.memory.base(self.one.b), back)
        a, b = (emit(f"getelementptr [{stride} x i8], ptr {base}, i64 {n}") for base, n in bases)
        self._products(count, (a, b), 1, [(u, m - u, m) for u in range(SIDE) for m in range(len(self.parts))])

    def _products(self, turns: str, bases: tuple[str, str], group: int, wanted: list[tuple[int, int, int]]) -> None:
        """For so many groups of pairs of runs, add a_(s)·b_(t) to the sum m, for each (s, t, m)."""
        emit = self.code.emit

        def products(n: str) -> None:
            here = emit(f"getelementptr [{PAIR * group} x i8], ptr {self.begin}, i64 {n}")
            for j, k in self.pairs(here, group):
                a, b = (
                    emit(f"getelementptr [{self.step} x i8], ptr {base}, i64 {n}")
                    for base, n in zip(bases, (j, k), strict=True)
                )
                first = {s: self._read(a, s) for s in dict.fromkeys(s for s, _, _ in wanted)}
                second = {t: self._read(b, t) for t in dict.fromkeys(t for _, t, _ in wanted)}
                for s, t, m in wanted:
                    self._add(m, first[s], second[t])

        self.turns(turns, products)

    def _read(self, start: str, n: int) -> str:
        place = self.code.emit(f"getelementptr i8, ptr {start}, i64 {n * self.memory.stride(self.one.dtype)}")
        return self.memory.read(place, self.one.dtype)

    def _add(self, m: int, a: str, b: str) -> None:
        part = self.parts[m]
        which = part[self._turn[m] % len(part)]
        self._turn[m] += 1
        self.totals[which] = self.v.madd(a, b, self.totals[which])
