"""How do coefficients leave an array: which of them, as whose arrays, from the memory of the processor or of a GPU?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import buffers, device
from .basis import Basis
from .operand import Operand, Planes
from .targets.cuda.memory import DevicePlanes


def plane(found: Operand, monomial: int) -> Planes:
    """The coefficients of one monomial, in a view where they are stored."""
    if found.planes.device != "cpu" and monomial not in found.spec.support.row:
        return device.rows(found, [monomial])[0]
    return found.plane(monomial) if monomial else found.value()


def every_plane(found: Operand, size: int) -> Planes:
    """The coefficients of the first monomials, zeros and ones too."""
    if found.spec.support.rows == tuple((i, i) for i in range(size)):
        return found.planes[:size]
    if found.planes.device != "cpu":
        return device.rows(found, range(size))
    planes = buffers.empty((size, *found.shape), found.planes.dtype)
    for i in range(size):
        planes[i] = plane(found, i)
    return planes


def derivative(found: Operand, basis: Basis, monomial: int) -> NDArray[Any]:
    """The derivative that belongs to a monomial, in an array as users have it."""
    if found.planes.device != "cpu":
        return device.rows(found, [monomial], [basis.factorial(monomial)])[0][()]
    return times_factorial(plane(found, monomial), basis.factorial(monomial))


def derivatives(found: Operand, basis: Basis, monomials: Sequence[int]) -> Planes:
    """The derivatives that belong to monomials, one after the other."""
    if found.planes.device != "cpu":
        return device.rows(found, monomials, [basis.factorial(i) for i in monomials])
    return np.stack([derivative(found, basis, i) for i in monomials])


def times_factorial(plane: Planes, factorial: int) -> NDArray[Any]:
    """The plane times a factorial that may itself overflow."""
    if plane.dtype.kind == "O":
        return np.asarray(plane * factorial)
    shift = max(factorial.bit_length() - 64, 0)
    with np.errstate(all="ignore"):
        return np.asarray(np.ldexp(plane * plane.dtype.type(factorial >> shift), shift))


def read_only(array: Planes) -> NDArray[Any]:
    """A view that nobody can make writeable again; there are none of a GPU's memory."""
    return array.given() if isinstance(array, DevicePlanes) else buffers.read_only(array)
