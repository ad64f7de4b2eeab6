"""Plain arrays in, plain arrays of derivatives out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .array import TaylorArray
from .create import variable
from .operand import real_array
from .reading import derivatives as derivatives_of


def derivatives(f: Callable[[Any], Any], x: ArrayLike, order: int) -> NDArray[Any]:
    """All derivatives of a function at each point, up to an order.

    Args:
        f: A function of one array, plain or made by `fuse`.
        x: The points, of any shape.
        order: The highest derivative.

    Returns:
        Shape (order + 1, *shape of the result), in the dtype of the result: f, f′, f″, …

    Raises:
        TypeError: Where f does not return one array.
        BasisError: For a negative or absurd order.

    Examples:
        >>> import taylornb as tn
        >>> tn.derivatives(tn.exp, [0.0, 0.0], order=3)
        array([[1., 1.],
               [1., 1.],
               [1., 1.],
               [1., 1.]])
    """
    result = f(variable(x, order))
    if isinstance(result, TaylorArray):
        return derivatives_of(result._operand(), result.basis, range(order + 1))[()]
    if isinstance(result, tuple | list | dict):
        raise TypeError(f"derivatives takes a function with one result, and this one returned a {type(result).__name__}")
    plain = real_array(result, "the result of the function")
    return np.concatenate([plain[np.newaxis], np.zeros((order, *plain.shape), dtype=plain.dtype)])
