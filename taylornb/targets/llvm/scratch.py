"""Where do loops find coefficients, degrees and tables? Addresses in scratch memory and in constants of the object."""

from __future__ import annotations

import numpy as np

from ...rolled import Rolled, Sum
from .text import FLOATS, Code, Dtype, Vector

COUNTS = {1: "i8", 2: "i16", 4: "i32"}


class Memory:
    """The scratch memory and the tables of one kernel; a slot holds [monomial][lane]."""

    def __init__(self, rolled: Rolled, code: Code, lanes: int) -> None:
        self.rolled, self.code, self.lanes = rolled, code, lanes
        self.offsets = rolled.offsets(lanes)
        self._tables: dict[bytes, str] = {}

    def stride(self, dtype: Dtype) -> int:
        """The bytes of one coefficient of all lanes."""
        return self.lanes * dtype.itemsize

    def base(self, slot: int) -> str:
        """The address of a slot."""
        return self.code.emit(f"getelementptr i8, ptr %scratch, i64 {self.offsets[slot]}")

    def room(self, one: Sum) -> str:
        """The address where a sum is kept that is computed for several monomials."""
        number = len(self.rolled.slots) + self.rolled.tiles.index(one)
        return self.code.emit(f"getelementptr i8, ptr %scratch, i64 {self.offsets[number]}")

    def at(self, slot: int, i: str) -> str:
        """The address of coefficient i of a slot."""
        stride = self.stride(self.rolled.slots[slot].dtype)
        return self.code.emit(f"getelementptr [{stride} x i8], ptr {self.base(slot)}, i64 {i}")

    def read(self, place: str, dtype: Dtype) -> str:
        """The vector at an address."""
        return self.code.emit(f"load <{self.lanes} x {FLOATS[dtype.str[1:]]}>, ptr {place}, align {dtype.itemsize}")

    def write(self, place: str, dtype: Dtype, value: str) -> None:
        """Store a vector at an address."""
        self.code.do(f"store <{self.lanes} x {FLOATS[dtype.str[1:]]}> {value}, ptr {place}, align {dtype.itemsize}")

    def spread(self, one: str, dtype: Dtype) -> str:
        """A vector of one number."""
        v = Vector(self.code, self.lanes, dtype)
        first = self.code.emit(f"insertelement {v.type} poison, {v.element} {one}, i32 0")
        return self.code.emit(f"shufflevector {v.type} {first}, {v.type} poison, <{self.lanes} x i32> zeroinitializer")

    # ---- tables --------------------------------------------------------------------------------------

    def table(self, data: bytes) -> str:
        """The name of a constant that holds these bytes; equal ones are one."""
        if data not in self._tables:
            name = f"@table{len(self._tables)}"
            escaped = "\\" + data.hex("\\")
            self.code.module.define(name, f'{name} = internal constant [{len(data)} x i8] c"{escaped}", align 64\n')
            self._tables[data] = name
        return self._tables[data]

    def entry(self, data: bytes, n: str, size: int = 2) -> str:
        """Number n of a table of whole numbers of so many bytes, as i64."""
        kind = COUNTS[size]
        place = self.code.emit(f"getelementptr {kind}, ptr {self.table(data)}, i64 {n}")
        return self.code.emit(f"zext {kind} {self.code.emit(f'load {kind}, ptr {place}, align {size}')} to i64")

    def flag(self, data: bytes, i: str) -> str:
        """Flag i of a table of bytes, as i1."""
        return self.code.emit(f"icmp ne i64 {self.entry(data, i, 1)}, 0")

    def row(self, rows: bytes | int, i: str) -> str:
        """The row of monomial i."""
        if isinstance(rows, bytes):
            return self.entry(rows, i)
        return self.code.emit(f"add i64 {i}, {rows}") if rows else i

    def degree(self, i: str) -> str:
        """The degree of monomial i."""
        return i if self.rolled.degrees is None else self.entry(self.rolled.degrees, i)

    def scaled(self, pairs: bytes, dtype: Dtype) -> tuple[bytes, int]:
        """A table of monomials as offsets, and the bytes that each counts: 8 where they fit, which processors multiply by."""
        stride = self.stride(dtype)
        found = np.frombuffer(pairs, dtype="<u2").astype(np.int64)
        if stride % 8 or self.rolled.size * (stride // 8) > 65535:
            return pairs, stride
        return (found * (stride // 8)).astype("<u2").tobytes(), 8
