"""How does a fused function become a function of scalars, for a user's own kernels and compiled functions?"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from .basis import Basis
from .containers import Tree, rebuilt
from .errors import BasisError, UnsupportedError
from .graph import Node
from .operand import FLOATS, Spec
from .program import Program, Store
from .support import CONSTANT, Support
from .targets.cuda import text


class Scalars(NamedTuple):
    """The arguments of a function of scalars.

    Attributes:
        names: Of the arguments, in their order.
        specs: What each is: a variable x + ε, or a plain number.
        basis: Of the results.
    """

    names: tuple[str, ...]
    specs: tuple[Spec, ...]
    basis: Basis


def scalars(
    function: Callable[..., Any], order: int, variables: Sequence[str] | None, dtype: DTypeLike, static: Sequence[str]
) -> Scalars:
    """The arguments that a function has, without those that are baked in.

    Args:
        function: The function.
        order: Of the series of the results.
        variables: The names of the arguments that are variables; None for all.
        dtype: Of the arguments.
        static: The names of those that are baked in.

    Raises:
        UnsupportedError: For a dtype that is neither float64 nor float32, or a function whose arguments have no names.
        BasisError: For a negative or absurd order, or a variable that is no argument.
    """
    kind = np.dtype(dtype)
    if kind not in FLOATS:
        raise UnsupportedError(f"a device function takes float64 or float32, not dtype={kind}")
    names = _names(function, static)
    chosen = names if variables is None else (variables,) if isinstance(variables, str) else tuple(variables)
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise BasisError(f"variables={unknown[0]!r} is no argument of the function, which has {', '.join(names)}")
    basis = Basis(chosen, order)
    seeds = {name: Support(((0, 0),), (1 + v,) if basis.order else ()) for v, name in enumerate(chosen)}
    specs = (Spec(seeds[name], kind, basis) if name in seeds else Spec(CONSTANT, kind, None) for name in names)
    return Scalars(names, tuple(specs), basis)


def _names(function: Callable[..., Any], static: Sequence[str]) -> tuple[str, ...]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        parameters = ()  # type: ignore[assignment]
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in static]
    if not places or any(p.kind is p.VAR_POSITIONAL for p in parameters):
        raise UnsupportedError(
            f"a device function needs a name for each argument, which {function!r} does not give: fuse a function written "
            f"as `def f(x, y): …` or `lambda x: …`"
        )
    return tuple(p.name for p in places if p.default is p.empty)


def compiled(program: Program, given: Scalars, outputs: Sequence[Node], layout: Tree, fixed: dict[int, Any]) -> Any:
    """The function of scalars that a program computes.

    Args:
        program: From the values of the arguments to the coefficients of the outputs.
        given: The arguments.
        outputs: The nodes of the outputs.
        layout: The containers in which the function returns them.
        fixed: Results that are no outputs, by their place among all.

    Raises:
        UnsupportedError: Where a result is in a container that compiled functions do not return.
    """
    stores = {(store.output, store.row): store for store in program.stores}
    found = iter([_result(program, stores, n, node, given.basis) for n, node in enumerate(outputs)])
    parts = [_number(fixed[i]) if i in fixed else next(found) for i in range(len(fixed) + len(outputs))]
    results = _in_tuples(rebuilt(layout, parts))
    parameters = {(slot, 0): name for slot, name in enumerate(given.names)}
    by = import_module(".targets.cuda.compiled", __package__)  # Numba is not imported before it is needed
    return by.function(text.device_function(program, parameters, results))


def _result(program: Program, stores: dict[tuple[int, int], Store], n: int, node: Node, basis: Basis) -> str:
    """A result as an expression: all coefficients in a tuple, or the plain number."""
    output = program.outputs[n]
    rows = {i: text.stored(program, stores[n, row]) for i, row in output.support.rows}
    if not node.series or output.dtype.kind == "b":
        return rows[0]
    kind = output.dtype.str[1:]
    others = (f"{kind}({float(i in output.support.units)})" for i in range(basis.size))
    return f"({', '.join(rows.get(i, other) for i, other in enumerate(others))},)"


def _in_tuples(found: Any) -> str:
    if isinstance(found, str):
        return found
    if not isinstance(found, tuple):
        raise UnsupportedError(f"a device function returns tuples, not a {type(found).__name__}; return a tuple of results")
    return f"({', '.join(map(_in_tuples, found))},)"


def _number(value: Any) -> str:
    if isinstance(value, bool | int | float | np.generic):
        return repr(value.item() if isinstance(value, np.generic) else value)
    raise UnsupportedError(f"a device function returns numbers, and the function returns the array {value!r}")
