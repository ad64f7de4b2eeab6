"""How series come to be: variables, constants, and given coefficients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import structure
from .array import TaylorArray
from .basis import Basis
from .errors import BasisError, UnsupportedError
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


class Group:
    """Variables that form a vector, made by `group`.

    Attributes:
        values: The values of each.
        names: Their names; None leaves them to `variables`.
    """

    def __init__(self, values: Sequence[ArrayLike], names: tuple[str, ...] | None) -> None:
        self.values, self.names = tuple(values), names


def group(values: ArrayLike | Mapping[str, ArrayLike], names: Iterable[str] | None = None) -> Group:
    """A vector of variables for `variables`: one variable for each entry along the leading axis.

    Args:
        values: An array whose leading axis runs over the variables, or a mapping from their names to their values.
        names: The names of the variables of an array; by default that of the group with their numbers: phi_0, phi_1.

    Raises:
        ValueError: Where the array has no leading axis or no entries, or the names are not as many.

    Examples:
        >>> import taylornb as tn
        >>> (w,) = tn.variables(order=2, w=tn.group([1.0, 2.0]))
        >>> w.shape, w.basis.variables
        ((2,), ('w_0', 'w_1'))
        >>> (w * w).sum()
        5 + 2ε_w_0 + 4ε_w_1 + ε_w_0² + ε_w_1² + O(|ε|³)
    """
    if isinstance(values, Mapping):
        if names is not None:
            raise ValueError("names= goes with an array; the keys of a mapping are the names")
        names, entries = tuple(values), list(values.values())
    else:
        array = real_array(values, "values")
        if not array.ndim:
            raise ValueError("the values of a group need a leading axis that runs over its variables; one number has none")
        entries = list(array)
    if not entries:
        raise ValueError("a group needs one variable or more, and there are no values")
    chosen = None if names is None else tuple(names)
    if chosen is not None and len(chosen) != len(entries):
        raise ValueError(f"a group of {len(entries)} variables needs {len(entries)} names, not {len(chosen)}: {chosen!r}")
    return Group(entries, chosen)


def variables(order: int, **values: ArrayLike | Group | Sequence[str]) -> tuple[TaylorArray, ...]:
    """Independent variables on one basis, in the order of the keywords, their shapes broadcast.

    Args:
        order: The highest total degree kept.
        **values: For each variable its name and its values. A `group` of values becomes one array with an axis for its
            variables, before the others. A tuple of names is a name for the variables of these names, and gives no array.
            The names of groups stand for all their variables in `detach` and `frozen`.

    Raises:
        UnsupportedError: For a dtype that is not real.
        BasisError: For no variables, a negative or absurd order, or a name that is there twice or not at all.
        ValueError: Where the shapes do not broadcast.

    Examples:
        >>> import taylornb as tn
        >>> theta, phi = tn.variables(order=2, theta=1.0, phi=0.5)
        >>> (theta * phi).derivative(theta=1, phi=1)
        array(1.)
        >>> x, a, b = tn.variables(order=2, x=3.0, a=1.0, b=2.0, slope=("a", "b"))
        >>> tn.detach(a * x + b, "slope")
        5 + ε_x + O(|ε|³)
    """
    seeds, groups = named(values)
    basis = Basis(tuple(seeds), order, tuple(groups.items()))
    shape = broadcast_shape([np.shape(value) for value in seeds.values()])
    made = {name: _of_shape(_seeded(value, basis, v), shape) for v, (name, value) in enumerate(seeds.items())}
    return arranged(values, groups, made)


def named(values: Mapping[str, Any]) -> tuple[dict[str, ArrayLike], dict[str, tuple[str, ...]]]:
    """The values of each variable, and the names that stand for several, of what `variables` takes.

    Raises:
        BasisError: For a name that is there twice.
    """
    seeds, groups = dict[str, ArrayLike](), dict[str, tuple[str, ...]]()
    for name, value in values.items():
        if isinstance(value, Group):
            groups[name] = value.names or tuple(f"{name}_{n}" for n in range(len(value.values)))
            own: dict[str, Any] = dict(zip(groups[name], value.values, strict=True))
        elif names := names_in(value):
            groups[name], own = names, {}
        else:
            own = {name: value}
        for one in own:
            if one in seeds:
                raise BasisError(f"the variable {one!r} is there twice; give each variable its own name")
        seeds.update(own)
    return seeds, groups


def arranged(values: Mapping[str, Any], groups: Mapping[str, tuple[str, ...]], made: Mapping[str, Any]) -> tuple[Any, ...]:
    """What was made for each variable, as it was given: vectors in one, and nothing for tuples of names."""
    found = []
    for name, value in values.items():
        if isinstance(value, Group):
            found.append(structure.stack([made[member] for member in groups[name]]))
        elif not names_in(value):
            found.append(made[name])
    return tuple(found)


def _of_shape(seeded: TaylorArray, shape: tuple[int, ...]) -> TaylorArray:
    """Repeated in memory of its own, which can be written to."""
    return seeded if seeded.shape == shape else structure.broadcast_to(seeded, shape).copy()


def names_in(value: Any) -> tuple[str, ...]:
    """The names, where it is a sequence of them; otherwise none."""
    return tuple(value) if isinstance(value, tuple | list) and all(isinstance(item, str) for item in value) else ()


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
