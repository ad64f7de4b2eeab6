"""How is the code that the tour prints the code that it runs? It is kept as text, and that text is executed."""

from __future__ import annotations

from typing import Any

import numpy as np

import taylornb as tn

Names = dict[str, Any]


def run(code: str, **given: Any) -> Names:
    """The names that a listing defines, with np, tn and those given to start from."""
    names: Names = {"np": np, "tn": tn, **given}
    exec(code, names)  # a constant of this package, never anything from outside
    return names


def value(expression: str, names: Names) -> Any:
    """What an expression of a listing is worth."""
    return eval(expression, names)  # a constant of this package, as above
