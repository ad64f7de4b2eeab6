"""What tells one call of a fused function from another: its arguments, and the keywords that are baked in."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from .containers import Tree, flattened
from .errors import TracingError
from .number import exactly
from .operand import Operand, Planes, operand
from .repeat import Kinds, kinds


class Static:
    """Keyword arguments as a key: values that are equal but not the same (1, 1.0, True) differ."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self._key = tuple(sorted((name, exactly(_checked(name, value))) for name, value in values.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


NOTHING = Static({})


def key_of(args: tuple[Tree, ...], static: dict[str, Hashable], planes: list[Planes]) -> Kinds | None:
    """The key of a call with containers or keywords; None where an argument is of no kind that calls are repeated for."""
    layout, leaves = flattened(args)
    planes.clear()
    own = kinds(leaves, planes)
    return None if own is None else (layout, own, Static(static) if static else NOTHING)


def argument(leaf: Any, position: int) -> Operand:
    """A positional argument as an operand.

    Raises:
        TracingError: For what is neither an array nor a number.
    """
    if isinstance(leaf, str | bytes) or leaf is None or callable(leaf):
        raise TracingError(
            f"positional argument {position + 1} is {leaf!r}, not an array or a number; "
            f"what is fixed while the function is traced goes by keyword"
        )
    return operand(leaf, f"positional argument {position + 1}")


def _checked(name: str, value: Any) -> Hashable:
    if isinstance(value, np.ndarray) or hasattr(value, "_operand"):
        raise TracingError(f"keyword argument {name!r} is an array; keywords are baked in, arrays go by position")
    try:
        hash(value)
    except TypeError:
        raise TracingError(f"keyword argument {name!r} is baked in and must be hashable, not {value!r}") from None
    return value  # type: ignore[no-any-return]
