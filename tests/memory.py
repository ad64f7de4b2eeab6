"""What is an array of series, where arrays share memory? NumPy arrays: one of the values, and one of each coefficient.

Views are NumPy's. Beside each number stands the time it was written at: a coefficient belongs to a value where both were
written at the same time, or where it equals the one that was. An array may hand out its coefficients where all of them belong
to its values.
"""

from __future__ import annotations

from itertools import count

import numpy as np

CLOCK = count(1)


class Plane:
    """Numbers, and when each was written."""

    def __init__(self, numbers, times=None):
        self.numbers, self.times = numbers, np.zeros(np.shape(numbers), int) if times is None else times

    def view(self, function):
        return Plane(function(self.numbers), function(self.times))

    def write(self, key, numbers, time):
        self.numbers[key], self.times[key] = numbers, time


class Series:
    """Values, and the coefficients that there are.

    Args:
        value: The values.
        parts: The coefficients of this array, by name; all others are zero.
        last: Of each coefficient, what was written last with the values, by whoever did.
        memory: What arrays have in common that share values.
        even: Whether the coefficients are in one memory with those of the arrays it shares values with.
        may_refuse: Whether somebody wrote to the memory who did not write all of these coefficients.
        fixed: Whether it repeats elements, and cannot be written to.
    """

    def __init__(self, value, parts, last, memory=None, even=False, may_refuse=False, fixed=False):
        self.value, self.parts, self.last = value, parts, last
        self.memory = object() if memory is None else memory
        self.even, self.may_refuse, self.fixed = even, may_refuse, fixed

    @classmethod
    def of(cls, value, parts, names, even=False):
        """From plain arrays, one for each of the names; what is not among the parts is zero."""
        full = {name: parts[name] if name in parts else np.zeros_like(value) for name in names}
        return cls(Plane(value), {name: Plane(full[name].copy()) for name in parts}, full, even=even)

    def view(self, function, drops=frozenset()):
        """Without some of the coefficients; a copy of all, where NumPy makes one."""
        value, last = self.value.view(function), {name: function(numbers) for name, numbers in self.last.items()}
        parts = {name: plane.view(function) for name, plane in self.parts.items() if name not in drops}
        shared = [np.shares_memory(plane.numbers, self.parts[name].numbers) for name, plane in parts.items()]
        if not np.shares_memory(value.numbers, self.value.numbers) or not all(shared):
            return Series(value, parts, last).copy()
        fixed = self.fixed or not value.numbers.flags.writeable
        return Series(value, parts, last, self.memory, self.even, self.may_refuse and bool(parts), fixed)

    def copy(self):
        parts = {name: plane.view(np.ndarray.copy) for name, plane in self.parts.items()}
        return Series(self.value.view(np.ndarray.copy), parts, {name: numbers.copy() for name, numbers in self.last.items()})

    def without_value(self):
        """As u − ⊥u is."""
        found = self.copy()
        found.value.numbers[...] = 0
        return found

    def elements(self, key):
        """The values at an index, and the coefficients that there are."""
        return self.value.numbers[key].copy(), {name: plane.numbers[key].copy() for name, plane in self.parts.items()}

    def write(self, key, elements, everybody, narrows=False):
        """New elements at an index, which everybody sees over this memory.

        Coefficients that there were none of get memory, and with them all others: those that are shared are left behind.

        Args:
            key: The index.
            elements: Values, and coefficients by name.
            everybody: The arrays there are.
            narrows: Whether the array has these coefficients alone from then on.
        """
        (value, given), time = elements, next(CLOCK)
        gains = given.keys() - self.parts.keys()
        if gains:
            self.parts = {name: plane.view(np.ndarray.copy) for name, plane in self.parts.items()}
            self.parts |= {name: Plane(np.zeros_like(self.value.numbers), self.value.times.copy()) for name in gains}
        if narrows:
            self.parts = {name: self.parts[name] for name in given}
        self.even = self.even and not (gains or narrows or self.may_refuse)
        self.value.write(key, value, time)
        for name, numbers in self.last.items():
            numbers[key] = given.get(name, 0)
            if name in self.parts:
                self.parts[name].write(key, given.get(name, 0), time)
        self._leaves_behind(everybody)
        if key is ...:
            self.may_refuse = False

    def _leaves_behind(self, everybody):
        for other in everybody:
            if other is not self and other.memory is self.memory and other.parts:
                seen = self.even and other.even and other.parts.keys() <= self.parts.keys()
                other.may_refuse = other.may_refuse or not seen

    def belongs(self):
        """Whether all coefficients belong to the values."""
        return all(
            ((plane.times == self.value.times) | (plane.numbers == self.last[name])).all() for name, plane in self.parts.items()
        )
