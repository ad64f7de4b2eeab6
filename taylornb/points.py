"""Where is a function looked at: at which points of which variables, and what does it take there?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .array import TaylorArray
from .create import Group, arranged, named, variables
from .launch import broadcast_shape
from .operand import real_array

DRAWN = 16  # generic points
NEAR = 1 / 64  # of a point: where others are drawn around it

Given = ArrayLike | Group | Mapping[str, ArrayLike | Group | Sequence[str]]


class Points(NamedTuple):
    """Points that a function is looked at, all variables beside each other.

    Attributes:
        given: For each argument its name and what was given for it, as `variables` takes them.
        places: For each variable its values at the points.
        groups: Names for several variables.
    """

    given: Mapping[str, Any]
    places: dict[str, NDArray[Any]]
    groups: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, at: Given) -> Points:
        """What was given as `at=`.

        Raises:
            ValueError: Where there are none, or where they do not broadcast.
            BasisError: Where a variable is there twice.
        """
        given = at if isinstance(at, Mapping) else {"x": at}
        values, groups = named(given)
        arrays = {name: np.atleast_1d(real_array(points, f"at[{name!r}]")) for name, points in values.items()}
        if not arrays or not all(array.size for array in arrays.values()):
            raise ValueError(
                "at must hold a point or more for each variable, as in at=[0.5, 2.0] or at={'x': [0.5, 2.0], 'y': 1.0}"
            )
        broadcast_shape([array.shape for array in arrays.values()])
        whole = np.broadcast_arrays(*arrays.values())
        return cls(given, {name: array.ravel() for name, array in zip(arrays, whole, strict=True)}, groups)

    def seeds(self, order: int, values: Mapping[str, Any]) -> dict[str, TaylorArray]:
        """The variables at other values."""
        return dict(zip(values, variables(order, **values, **self.groups), strict=True))

    def arguments(self, made: Mapping[str, Any]) -> tuple[Any, ...]:
        """What the function takes, of what was made for each variable: a vector of variables is one argument."""
        return arranged(self.given, self.groups, made)

    def generic(self) -> dict[str, NDArray[Any]]:
        """The points that were given and generic ones between them, of each variable.

        Those are spread evenly by the fractional parts of multiples of powers of the root of t^(d+1) = t + 1 (M. Roberts,
        2018).
        """
        root, steps = 1.5, np.arange(1, DRAWN + 1)
        for _ in range(40):
            root = (1 + root) ** (1 / (len(self.places) + 1))

        def with_more(points: NDArray[Any], k: int) -> NDArray[Any]:
            part, low, high = (0.5 + steps * root ** -(k + 1.0)) % 1.0, points.min(), points.max()
            if low == high:  # around a single one
                low, high = low - NEAR * max(abs(low), NEAR), high + NEAR * max(abs(high), NEAR)
            return np.concatenate([points, low + (high - low) * part])

        return {name: with_more(points, k) for k, (name, points) in enumerate(self.places.items())}
