"""The operations as users call them, by NumPy's and SciPy's names, and how a new one is declared."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .array import apply
from .errors import TracingError
from .graph import Node, walk
from .operand import operand
from .rules import Op, registry
from .trace import Tracer, Tracing

INFIX = {"add": "+", "subtract": "−", "multiply": "·", "divide": "/"}


class Function:
    """One operation as a function of series, traced values, arrays and numbers.

    Args:
        op: Its declaration.
        made: What made it and of what, so that it is pickled as that; None for those that taylornb has by name.
        text: How it prints; by default its name.
    """

    def __init__(self, op: Op, made: tuple[Callable[..., Any], tuple[Any, ...]] | None = None, text: str | None = None) -> None:
        self.op, self._made, self._text = op, made, text or op.name
        self.__name__ = self.__qualname__ = op.name
        self.__doc__ = document(op)
        self.__module__ = "taylornb"
        self.__signature__ = _signature(op)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the operation, on whichever road the arguments take."""
        series, params = self.op.split(args, kwargs)
        return self.op(*args, **kwargs) if any(hasattr(arg, "_apply") for arg in series) else apply(self.op, series, params)

    def __reduce__(self) -> str | tuple[Callable[..., Any], tuple[Any, ...]]:
        """By name, as functions are pickled, or by what it was made of, which has to be there by name."""
        return self._made or self.__name__

    def __repr__(self) -> str:
        return f"<taylornb function {self._text}>"


def functions() -> dict[str, Function]:
    """Every public operation, by name."""
    return {name: Function(op) for name, op in registry.items() if op.public}


def define(
    name: str,
    value: Callable[..., Any],
    rate: Callable[..., Any] | None = None,
    per: Callable[..., Any] | None = None,
) -> Function:
    """Declare an elementary function by its value and the equation per·Dy = rate·Dx.

    It works wherever the built-in ones do, which are declared in the same way: eagerly, under `fuse`, on every
    target, in any number of variables, to any order, with ⊥ inside.

    Args:
        name: A Python identifier, for error messages and graphs.
        value: The function itself, of one or more arguments, made of operations of taylornb.
        rate: Of the arguments and the result, `rate(x, y)`; of two arguments a pair, `rate(a, b, y)`, with None for
            an argument that the result does not depend on directly. Left out, it is 1.
        per: Of the arguments and the result, `per(x, y)`. Left out, it is 1.

    Returns:
        The function.

    Raises:
        ValueError: For a name that is no identifier or that taylornb has already, or an equation left out.
        TypeError: Where value, rate or per do not take these arguments or return something else.

    Examples:
        The Gompertz function exp(−exp(−x)):

        >>> import taylornb as tn
        >>> gompertz = tn.define(
        ...     "gompertz",
        ...     value=lambda x: tn.exp(-tn.exp(-x)),
        ...     rate=lambda x, y: y * tn.exp(-x),
        ... )
        >>> gompertz(tn.variable(0.0, order=2))
        0.36787944 + 0.36787944ε + O(ε³)
    """
    check_name(name)
    if rate is None and per is None:
        raise ValueError(f"{name} needs an equation per·Dy = rate·Dx: give rate, per or both")
    summary, at = f"{name}, declared by tn.define.", (0.7,) * _count(value, name)
    op = Op(name=name, kind="equation", summary=summary, value=value, rate=rate, per=per, at=at)
    _check_parts(op)
    return Function(op, made=(define, (name, value, rate, per)))


def document(op: Op) -> str:
    """The docstring of an operation, from its declaration."""
    lines = [op.summary, "", "Takes series, traced values, arrays and numbers, which broadcast; float64 or float32."]
    if op.kind == "equation":
        lines += ["", f"Its coefficients solve {equation_text(op)}, D the Euler operator."]
    if op.name in registry and op.kind not in ("structure", "linear") and not op.boolean:
        arguments = ", ".join(map(str, op.at))
        lines += ["", "Examples:", "    >>> import taylornb as tn", f"    >>> y = tn.{op.name}({arguments})"]
    return "\n".join(lines)


def equation_text(op: Op) -> str:
    """The equation of an op, read off its declaration."""
    names = _argument_names(op)
    graph, arguments, result, params = _stage(op)
    labels = {tracer.node: name for tracer, name in zip((*arguments, result), (*names, "y"), strict=True)}
    rates = op.rate(*arguments, result, *params) if op.rate else 1
    rates = rates if isinstance(rates, tuple) else (rates,)
    per = _text(graph.lift(op.per(*arguments, result, *params)), labels) if op.per else "1"
    right = [f"{_factor(_text(graph.lift(r), labels))}D{x}" for r, x in zip(rates, names, strict=True) if r is not None]
    return f"{_factor(per)}Dy = {' + '.join(right)}"


class Stage(NamedTuple):
    """Tracers for the arguments of an op and for its result, and parameters to go with them."""

    graph: Tracing
    arguments: list[Tracer]
    result: Tracer
    params: tuple[Any, ...]


def _stage(op: Op) -> Stage:
    graph = Tracing()
    arguments = traced_arguments(graph, op.arity)
    params = (2,) if op.bind is not None else ()
    return Stage(graph, arguments, Tracer(graph, graph.node(op, tuple(tracer.node for tracer in arguments), params)), params)


def traced_arguments(graph: Tracing, count: int) -> list[Tracer]:
    """So many traced numbers."""
    return [Tracer(graph, graph.input(i, operand(0.5).spec)) for i in range(count)]


def _text(node: Node, labels: dict[Node, str]) -> str:
    if node in labels:
        return labels[node]
    inside = [_text(arg, labels) for arg in node.args]
    if node.op.name in INFIX:
        return "(" + f" {INFIX[node.op.name]} ".join(inside) + ")"
    if node.op.name == "literal":
        return str(getattr(node.params[0], "name", node.params[0]))
    if node.op.involution:
        return f"-{inside[0]}"
    bare = (text[1:-1] if arg.op.name in INFIX else text for arg, text in zip(node.args, inside, strict=True))
    return f"{node.op.name}({', '.join([*bare, *map(str, filter(None, node.params))])})"


def _factor(text: str) -> str:
    return {"1": "", "-1": "-"}.get(text, f"{text}·")


def _argument_names(op: Op) -> tuple[str, ...]:
    return ("x",) if op.arity == 1 else tuple("abcdefgh"[: op.arity])


def _signature(op: Op) -> inspect.Signature:
    if op.bind is not None:
        return inspect.signature(op.bind)
    names = _argument_names(op)
    return inspect.Signature([inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in names])


def _count(value: Callable[..., Any], name: str) -> int:
    """How many arguments the value takes."""
    count, _ = arguments_of(value, f"value of {name}")
    if not 1 <= count <= 8:
        raise TypeError(f"value of {name} must take one argument or more, up to eight, not {count}")
    return count


def arguments_of(function: Callable[..., Any], what: str) -> tuple[int, float]:
    """How many arguments a function needs, and how many it takes.

    Raises:
        TypeError: Where that is not known; `what` is what the message calls it.
    """
    if isinstance(function, np.ufunc):
        return function.nin, function.nin
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise TypeError(f"{what} must be a Python function of its arguments, not {function!r}") from None
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    more = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return sum(p.default is p.empty for p in places), math.inf if more else len(places)


def _nodes(found: tuple[Any, ...]) -> list[Node]:
    return [part.node for part in found if isinstance(part, Tracer)]


def check_name(name: object) -> None:
    """Raise ValueError for a name that is no identifier, or that an operation of taylornb has."""
    if not (isinstance(name, str) and name.isidentifier()):
        raise ValueError(f"name must be a Python identifier, such as 'gompertz', not {name!r}")
    if name in registry:
        raise ValueError(f"taylornb has a function {name!r} already; choose another name")


def _check_parts(op: Op) -> None:
    """Trace the declaration once, so that a mistake in it shows where it is made."""
    _, arguments, result, _ = stage = _stage(op)
    parts = {"value": (op.value, arguments), "rate": (op.rate, [*arguments, result]), "per": (op.per, [*arguments, result])}
    for what, (function, given) in parts.items():
        if function is not None:
            check_part(f"{what} of {op.name}", function, stage.graph, given, op.arity if what == "rate" else 1)


def check_part(what: str, function: Callable[..., Any], graph: Tracing, given: list[Tracer], results: int = 1) -> None:
    """Trace a part of a declaration.

    Raises:
        TypeError: Where it is not made of numbers and elementwise operations, or gives another number of results; `what` is
            what the message calls it.
    """
    try:
        found = function(*given)
        found = found if isinstance(found, tuple) else (found,)
        if len(found) != results:
            raise TypeError(f"it gives {len(found)} result{'s' * (len(found) != 1)}, not {results}")
        for part in found:
            if part is not None:
                graph.lift(part)
        if graph.captured or any(node.op.kind == "structure" for node in walk(_nodes(found))):
            raise TypeError("it contains an array, or moves elements, and must be made of numbers and elementwise ops")
    except (TypeError, TracingError) as error:
        raise TypeError(
            f"{what} must be a function of {len(given)} traced values made of taylornb's operations: {error}"
        ) from error
