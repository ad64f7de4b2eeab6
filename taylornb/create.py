"""How series come to be: variables, constants, and given coefficients."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from . import structure
from .array import TaylorArray
from .basis import Basis
from .errors import UnsupportedError
from .launch import broadcast_shape
from .operand import Operand, Spec, real_array
from .support import CONSTANT, Support
from .surface import Arithmetic


def variable(value: ArrayLike, order: int, name: str = "x") -> TaylorArray:
    """The independent variable x + ε at each value.

    Args:
        value: Where the series are expanded: float64, float32, or integers and bool, which become float64.
            The values are copied.
        order: The highest degree kept.
        name: The name of the variable.

    Raises:
        UnsupportedError: For a dtype that is not real, float16 and longdouble among them.
        BasisError: For a negative or absurd order.

    Examples:
        >>> import taylornb as tn
        >>> tn.variable(0.5, order=2)
        0.5 + ε + O(ε³)
    """
    return _seeded(value, Basis((name,), order), 0)


def variables(order: int, **values: ArrayLike) -> tuple[TaylorArray, ...]:
    """Independent variables on one basis, in the order of the keywords, their shapes broadcast.

    Args:
        order: The highest total degree kept.
        **values: For each variable its name and its values.

    Raises:
        UnsupportedError: For a dtype that is not real.
        BasisError: For no variables, or a negative or absurd order.
        ValueError: Where the shapes do not broadcast.

    Examples:
        >>> import taylornb as tn
        >>> theta, phi = tn.variables(order=2, theta=1.0, phi=0.5)
        >>> (theta * phi).derivative(theta=1, phi=1)
        array(1.)
    """
    basis = Basis(tuple(values), order)
    shape = broadcast_shape([np.shape(value) for value in values.values()])
    seeded = (_seeded(value, basis, v) for v, value in enumerate(values.values()))
    return tuple(structure.broadcast_to(one, shape) for one in seeded)


def constant(value: ArrayLike, like: TaylorArray) -> TaylorArray:
    """A series without derivatives, on the basis of another.

    Args:
        value: The values, copied.
        like: The array whose basis it takes.

    Raises:
        UnsupportedError: For a dtype that is not real, or where `like` is no TaylorArray.

    Examples:
        >>> import taylornb as tn
        >>> x = tn.variable(2.0, order=3)
        >>> tn.constant(5.0, like=x)
        5 + O(ε⁴)
    """
    if not isinstance(like, TaylorArray):
        raise UnsupportedError(f"like must be a TaylorArray, whose basis is taken, not {type(like).__name__}")
    array = real_array(value, "value")
    return TaylorArray(Operand(array[np.newaxis].copy(), Spec(CONSTANT, array.dtype, like.basis)))


def from_coefficients(coeffs: ArrayLike, basis: Basis) -> TaylorArray:
    """Series with given normalised coefficients.

    Args:
        coeffs: Shape (basis.size, *shape), copied.
        basis: The monomials the coefficients belong to.

    Raises:
        UnsupportedError: For a dtype that is not real.
        ValueError: Where the first axis is not as long as the basis.

    Examples:
        >>> import taylornb as tn
        >>> tn.from_coefficients([1.0, 2.0, 0.5], tn.Basis(("x",), order=2))
        1 + 2ε + 0.5ε² + O(ε³)
    """
    if not isinstance(basis, Basis):
        raise UnsupportedError(f"basis must be a Basis, as in Basis(('x',), order=4), not {basis!r}")
    planes = real_array(coeffs, "coeffs")
    if not planes.ndim or len(planes) != basis.size:
        raise ValueError(f"coeffs must have shape ({basis.size}, …), one row for each monomial of {basis}, not {planes.shape}")
    return TaylorArray(Operand(planes.copy(), Spec(Support.packed(range(basis.size)), planes.dtype, basis)))


def _seeded(value: ArrayLike, basis: Basis, variable_: int) -> TaylorArray:
    if isinstance(value, TaylorArray) and value.is_constant:
        value = value.value
    if isinstance(value, Arithmetic):
        raise UnsupportedError("a variable starts from values, not from a series; take .value of it, or .detach() it first")
    array = real_array(value, "value")
    support = Support.packed((0,), (1 + variable_,) if basis.order else ())
    return TaylorArray(Operand(array[np.newaxis].copy(), Spec(support, array.dtype, basis)))
