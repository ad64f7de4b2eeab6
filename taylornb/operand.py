"""What a kernel is fed: the planes of a series or of a plain array, and all that a program depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .basis import Basis
from .errors import UnsupportedError
from .graph import Dtype
from .support import CONSTANT, Support
from .targets.cuda.libraries import is_on_device, planes_of
from .targets.cuda.memory import share_memory

Planes = NDArray[Any]
FLOATS = (np.dtype(np.float64), np.dtype(np.float32))


@dataclass(frozen=True)
class Spec:
    """What the program for an operand depends on.

    Attributes:
        support: Where the coefficients are.
        dtype: None for a Python number, which takes the dtype of what it meets.
        basis: None for plain numbers and arrays.
    """

    support: Support
    dtype: Dtype | None
    basis: Basis | None

    def __str__(self) -> str:
        dtype = "number" if self.dtype is None else str(self.dtype)
        if self.basis is None:
            return dtype
        kept = "constant" if self.support.is_constant else f"monomials {self.support.monomials}"
        return f"{dtype} series to order {self.basis.order} in {', '.join(self.basis.variables)}, {kept}"

    @cached_property
    def _hash(self) -> int:
        return hash((self.support, self.dtype, self.basis))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        """Without the hash, which is another in another process."""
        return Spec, (self.support, self.dtype, self.basis)


class Kind:
    """All that a compiled call depends on but the numbers. There is one object for each, so that it is a quick key.

    Attributes:
        spec: What the program depends on.
        dtype: Of the planes: that of the spec, but for mpmath numbers.
        shape: Of the planes.
        strides: Of the planes.
        home: Whose memory it is: "cpu", or the library and the number of a GPU.
    """

    __slots__ = ("dtype", "home", "shape", "spec", "strides")

    def __init__(self, spec: Spec, dtype: Dtype, shape: tuple[int, ...], strides: tuple[int, ...], home: str) -> None:
        self.spec, self.dtype, self.shape, self.strides, self.home = spec, dtype, shape, strides, home

    def same(self, other: Kind) -> bool:
        """Whether they are equal; one that was not met for long may have been forgotten, and made again."""
        return self is other or (
            (self.shape, self.strides, self.dtype, self.home) == (other.shape, other.strides, other.dtype, other.home)
            and self.spec == other.spec
        )


@lru_cache(maxsize=4096)
def kind_of(spec: Spec, dtype: Dtype, shape: tuple[int, ...], strides: tuple[int, ...], home: str = "cpu") -> Kind:
    """The one object for these."""
    return Kind(spec, dtype, shape, strides, home)


class Operand:
    """Planes and where the coefficients are in them.

    Args:
        planes: The coefficients, (rows, *shape).
        spec: What they are.
        kind: Where it is known.
        values: Memory of the values elsewhere, (*shape), which other arrays share; it is written to together with the planes.
            A value that is zero by structure has such memory, too, so that arrays over it see what is written there.
    """

    __slots__ = ("_kind", "planes", "spec", "values")

    def __init__(self, planes: Planes, spec: Spec, kind: Kind | None = None, values: Planes | None = None) -> None:
        if values is not None and spec.support == CONSTANT:  # nothing but the values
            planes, values = values[np.newaxis], None
        self.planes, self.spec, self._kind, self.values = planes, spec, kind, values

    @property
    def kind(self) -> Kind:
        """What a compiled call depends on."""
        if self._kind is None:
            planes = self.planes
            self._kind = kind_of(self.spec, planes.dtype, planes.shape, planes.strides, getattr(planes, "home", "cpu"))
        return self._kind

    def __reduce__(self) -> tuple[Any, ...]:
        """Without the kind, which is another in another process, and what is shared there with nobody."""
        return restored, (self.planes, self.spec)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the elements."""
        return self.planes.shape[1:]

    def view(self, planes: Callable[[Planes], Planes]) -> Operand:
        """A function of the planes that gives views, or copies."""
        found = planes(self.planes)
        if self.values is None:
            return Operand(found, self.spec)
        values = planes(self.values[np.newaxis])[0, ...]
        views = share_memory(found, self.planes), share_memory(values, self.values)
        if all(views) or not found.size:
            return Operand(found, self.spec, values=values)
        return Operand(found, self.spec).copy()  # where one was copied, both are

    def copy(self) -> Operand:
        """The same in memory of its own, where there is a row for the value."""
        if self.planes.device != "cpu":
            found: Operand = import_module(".device", __package__).owned(self)  # a kernel, and so of a later module
            return found
        return self.each(lambda plane: plane)

    def each(self, function: Callable[[Planes], Planes]) -> Operand:
        """A function of each plane, in memory of its own, where there is a row for the value."""
        own, spec = self.spec.support, self.spec
        if 0 in own.row and len(own.rows) == len(self.planes):
            planes = [function(plane) for plane in self.planes]
        else:
            stored = sorted({0, *own.row})
            planes = [function(self.plane(monomial)) for monomial in stored]
            spec = Spec(Support.packed(stored, own.units), spec.dtype, spec.basis)
        return Operand(np.ascontiguousarray(np.stack(planes)), spec)

    def with_spec(self, spec: Spec) -> Operand:
        """The same planes, and less of them; they keep the value."""
        if self.values is not None and spec.support.is_constant:
            spec = Spec(CONSTANT, spec.dtype, spec.basis)
        return Operand(self.planes, spec, values=self.values)

    def above(self, spec: Spec) -> Operand:
        """Some planes, the value not among them, in memory of their own; it is zero, and has memory that may be written to."""
        rows, packed = [row for _, row in spec.support.rows], Support.packed(spec.support.row, spec.support.units)
        support = CONSTANT if packed.is_constant else packed
        if self.planes.device != "cpu":
            elements = import_module(".elements", __package__)
            return elements.above(self, Spec(packed, spec.dtype, spec.basis), support)
        values = np.zeros(self.shape, self.planes.dtype)
        planes = np.ascontiguousarray(self.planes[rows])
        return Operand(planes, Spec(support, spec.dtype, spec.basis), values=values)

    def value(self) -> Planes:
        """The values, as they are now."""
        return self.plane(0) if self.values is None else self.values

    def plane(self, monomial: int) -> Planes:
        """The coefficients of one monomial, in a view where they are stored."""
        row = self.spec.support.row.get(monomial)
        if row is not None:
            return self.planes[row, ...]
        one = monomial in self.spec.support.units
        number = np.asarray(int(one), dtype=self.planes.dtype)
        repeated: Planes = np.broadcast_to(number, self.shape)
        return repeated


def restored(planes: Planes, spec: Spec) -> Operand:
    """What was pickled, in memory of its own: buffers that were kept beside a pickle may be read-only, or serve twice."""
    return Operand(planes if planes.flags.owndata and planes.flags.writeable else planes.copy(), spec)


def operand(value: Any, argument: str = "argument") -> Operand:
    """A series, an array or a number as an operand.

    Args:
        value: A TaylorArray, an array of float64, float32, integers or bool, a number, or mpmath numbers.
        argument: What the error message calls it.

    Raises:
        UnsupportedError: For any other dtype.
    """
    if hasattr(value, "_operand"):
        found: Operand = value._operand()
        return found
    if type(value) is Fraction:
        value = float(value)
    if type(value) in (bool, int, float):
        dtype = np.bool_ if type(value) is bool else np.float64
        return Operand(np.array([value], dtype=dtype), _PLAIN[type(value)])
    array = real_array(value, argument, keep_bool=True)
    return Operand(array[np.newaxis], Spec(CONSTANT, array.dtype, None))


def real_array(value: Any, argument: str, keep_bool: bool = False) -> NDArray[Any]:
    """The value as an array of float64, float32 or mpmath numbers; integers become float64 as NumPy has it.

    Raises:
        UnsupportedError: For strings, complex numbers, float16, longdouble and other objects.
    """
    if type(value) is not np.ndarray and is_on_device(value):
        return planes_of(value)  # type: ignore[return-value]
    if isinstance(value, np.ma.MaskedArray):
        raise UnsupportedError(f"{argument} is a masked array, and series have no masks; use .filled() or tn.where")
    array = np.asarray(value)
    if array.dtype.newbyteorder("=") in FLOATS or (keep_bool and array.dtype.kind == "b"):
        return array.astype(array.dtype.newbyteorder("="), copy=not array.flags.aligned)
    if array.dtype.kind in "biu":
        small = array.dtype.kind != "b" and array.dtype.itemsize <= 2 and keep_bool
        return array.astype(np.float32 if small else np.float64)
    if is_multiprecision(array):
        return array
    raise UnsupportedError(
        f"{argument} must hold real numbers (float64, float32, integers, bool; mpmath numbers for the reference "
        f"target), not {_kind_of(array)}; convert it first, as in np.asarray(a, dtype=np.float64)"
    )


def is_multiprecision(array: NDArray[Any]) -> bool:
    """Whether an object array holds mpmath numbers and nothing else but Python's."""
    if array.dtype.kind != "O" or not array.size:
        return False
    own = [hasattr(item, "_mpf_") for item in array.flat]
    return any(own) and all(mine or type(item) in (int, float) for mine, item in zip(own, array.flat, strict=True))


def _kind_of(array: NDArray[Any]) -> str:
    if array.dtype.kind == "O" and array.size:
        return f"objects such as {array.flat[0]!r}"
    return f"dtype {array.dtype}"


_PLAIN = {
    bool: Spec(CONSTANT, np.dtype(bool), None),
    int: Spec(CONSTANT, None, None),
    float: Spec(CONSTANT, None, None),
}
