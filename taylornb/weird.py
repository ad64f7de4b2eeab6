"""Functions whose value and derivatives are chosen one by one, which makes them the library's custom derivative rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import product
from math import factorial, prod
from operator import index as as_index
from typing import Any

import numpy as np

from .basis import Exponents
from .detach import detach, graft, nilpotent
from .functions import Function, arguments_of, check_name, check_part, traced_arguments
from .ops import zeros_like
from .rules import Op
from .trace import Tracer, Tracing, is_number

Part = Callable[..., Any] | float
Table = dict[Exponents, Part]
MOST = 8  # variables
SHOWN = 6  # derivatives


def weird(*derivatives: Any, normalised: bool = False, name: str | None = None) -> Function:
    """The function with this value and these derivatives; they need not be smooth, nor the derivatives of one another.

        W(x) = Σ w_α(⊥x)·(x − ⊥x)^α/α!   has   ∂^α W = w_α   at every point.

    Its argument may be any series: the chain rule follows. Derivatives that are not given are zero. This is how a function gets
    derivatives of one's own choosing, too: the value is w₀ bit for bit, and w₁, w₂, … take the place of its derivatives.

    Args:
        *derivatives: Each a function of the variables, made of operations of taylornb, or a number.
            In one variable w₀, w₁, w₂, …
            In several variables a mapping from the degrees in each, `{(0, 0): w, (1, 0): w_x, (2, 1): w_xxy}`, or the value,
            the gradient, the matrix of second derivatives and so on: `w, (w_x, w_y), ((w_xx, w_xy), (w_xy, w_yy))`.
        normalised: The coefficients w_α/α! are given in place of the derivatives; beyond the order 170 the factorials
            overflow.
        name: What the function is called where it prints and in messages; by default it is described by its derivatives.

    Returns:
        A function of series, traced values, arrays and numbers, which broadcast. It is pickled where its derivatives are:
        numbers, and functions that are found by name.

    Raises:
        TypeError: For a w that is neither a function of so many variables, made of operations of taylornb, nor a number.
        ValueError: For derivatives that do not fit together: of different numbers of variables, or not symmetric; and for a
            name that is no identifier or that taylornb has already.

    Examples:
        A step with a smooth slope:

        >>> import numpy as np
        >>> import taylornb as tn
        >>> step = tn.weird(lambda x: tn.heaviside(x, 0.5), lambda x: 1 / (1 + x**2))
        >>> step(tn.variable([-1.0, 2.0], order=2))
        TaylorArray of shape (2,), float64, order 2 in x
          1   [0. 1.]
          ε   [0.5 0.2]
          + O(ε³)
        >>> reverse = tn.weird(lambda x: x, -1)
        >>> np.exp(reverse(tn.variable(0.0, order=2)))
        1 - ε + 0.5ε² + O(ε³)
    """
    table = _table(derivatives)
    if name is not None:
        check_name(name)
    made = partial(weird, normalised=normalised, name=name), (table,)
    return Function(_op(table, normalised, name or "weird"), made, f"{name or 'weird'}{_text(table)}")


def _text(table: Table) -> str:
    """Its derivatives, as a call that would make it; the first of many."""
    shown = [(key, _part_text(w)) for key, w in list(table.items())[:SHOWN]]
    more = [", …"] * (len(table) > SHOWN)
    if [key for key, _ in shown] == [(n,) for n in range(len(shown))]:
        return f"({', '.join(text for _, text in shown)}{''.join(more)})"
    return f"({{{', '.join(f'{key}: {text}' for key, text in shown)}{''.join(more)}}})"


def _part_text(w: Part) -> str:
    return str(getattr(w, "__name__", w)) if callable(w) else repr(w)


def _op(table: Table, normalised: bool, name: str) -> Op:
    count = len(next(iter(table)))
    for exponents, part in table.items():
        _check(_name(exponents), part, count)
    value = table.get((0,) * count, 0)
    return Op(
        name=name,
        kind="composite",
        summary="A function of chosen derivatives, declared by tn.weird.",
        at=(0.7,) * count,
        value=value if callable(value) else lambda *xs: value,
        body=_body(table, normalised),
    )


def _body(table: Table, normalised: bool) -> Callable[..., Any]:
    """The expression of the sum, by Horner's rule; its value is w₀ itself."""
    origin = (0,) * len(next(iter(table)))

    def weird_function(*xs: Any) -> Any:
        at = [detach(x) for x in xs]
        found: dict[Exponents, Any] = {}
        for exponents, part in table.items():
            w = part(*at) if callable(part) else part
            scale = 1 if normalised else prod(map(factorial, exponents))
            found[exponents] = w if scale == 1 else w * Fraction(1, scale)
        value = found.pop(origin, 0)
        above = _horner(found, [nilpotent(x) for x in xs])
        for x in xs:  # every argument takes part in the shape and the dtype of the result
            above = zeros_like(x) if above is None else above + zeros_like(x)
        return graft(value, above)

    return weird_function


def _horner(coefficients: Mapping[Exponents, Any], rises: Sequence[Any]) -> Any:
    """Σ c_α δ^α, one variable after the other; None where there is no term."""
    if not rises:
        return coefficients.get(())
    total = None
    for power in range(max((exponents[0] for exponents in coefficients), default=-1), -1, -1):
        here = {exponents[1:]: c for exponents, c in coefficients.items() if exponents[0] == power}
        term = _horner(here, rises[1:])
        total = total if total is None else total * rises[0]
        total = term if total is None else total if term is None else total + term
    return total


# ---- what is given ---------------------------------------------------------------------------------


def _table(derivatives: tuple[Any, ...]) -> Table:
    derivatives = tuple(part.tolist() if isinstance(part, np.ndarray) else part for part in derivatives)
    if len(derivatives) == 1 and isinstance(derivatives[0], Mapping):
        return _of_mapping(derivatives[0])
    if not derivatives:
        raise ValueError("weird needs a value and derivatives, as in tn.weird(w0, w1), or a mapping {(0, 0): w, (1, 0): w_x}")
    tensors = [part for part in derivatives[1:] if isinstance(part, Sequence) and not isinstance(part, str)]
    return _of_tensors(derivatives, len(tensors[0])) if tensors else {(n,): w for n, w in enumerate(derivatives)}


def _of_mapping(given: Mapping[Any, Part]) -> Table:
    table = {_exponents(key): w for key, w in given.items()}
    counts = {len(exponents) for exponents in table}
    if len(counts) != 1 or not 1 <= min(counts) <= MOST or len(table) != len(given):
        raise ValueError(
            f"the keys of the mapping must be different degrees in one to {MOST} variables, the same number in each key, "
            f"as in {{(0, 0): w, (1, 0): w_x}}, not {', '.join(map(repr, given)) or 'nothing'}"
        )
    return table


def _exponents(key: Any) -> Exponents:
    try:
        found = tuple(as_index(power) for power in key) if isinstance(key, Sequence) else (as_index(key),)
    except TypeError:
        found = (-1,)
    if any(power < 0 for power in found):
        raise ValueError(f"a key must be the degree in each variable, such as (2, 0), not {key!r}")
    return found


def _of_tensors(derivatives: tuple[Any, ...], count: int) -> Table:
    """The value, the gradient, the matrix of second derivatives and so on; each must be symmetric."""
    if not 1 <= count <= MOST:
        raise ValueError(f"the gradient must have one to {MOST} entries, one for each variable, not {count}")
    table, found = Table(), dict[Exponents, tuple[int, ...]]()
    for degree, tensor in enumerate(derivatives):
        for place in product(range(count), repeat=degree):
            w, exponents = _entry(tensor, place, count), tuple(place.count(v) for v in range(count))
            if exponents in table and not _same(table[exponents], w):
                raise ValueError(
                    f"the derivatives of degree {degree} are not symmetric: the entries {_place(found[exponents])} and "
                    f"{_place(place)} are the same derivative and differ; give the same function or number in both"
                )
            table[exponents], found[exponents] = w, place
    return table


def _entry(tensor: Any, place: tuple[int, ...], count: int) -> Any:
    if place and is_number(tensor) and tensor == 0:  # a tensor of zeros
        return 0
    for axis, n in enumerate(place):
        if not isinstance(tensor, Sequence) or isinstance(tensor, str) or len(tensor) != count:
            raise ValueError(
                f"derivatives of degree {len(place)} in {count} variables must be nested sequences of {count} entries, "
                f"{len(place)} deep, not {tensor!r} at depth {axis}"
            )
        tensor = tensor[n]
    return tensor


def _same(a: Any, b: Any) -> bool:
    return a is b or (is_number(a) and is_number(b) and bool(a == b))


def _place(place: tuple[int, ...]) -> str:
    return "".join(f"[{n}]" for n in place)


def _check(what: str, part: Any, count: int) -> None:
    if not callable(part):
        if not is_number(part):
            raise TypeError(f"{what} must be a function of {count} variable{'s' * (count > 1)} or a number, not {part!r}")
        return
    least, most = arguments_of(part, what)
    if not least <= count <= most:
        raise TypeError(f"{what} must take {count} argument{'s' * (count > 1)}, one for each variable, not {least}")
    graph = Tracing()
    given = traced_arguments(graph, count)
    check_part(what, part, graph, given)
    with graph.open():
        found = part(*given)
    if not isinstance(found, Tracer) and not is_number(found) and not isinstance(found, bool):
        raise TypeError(f"{what} must return a series or a number, not {found!r}")


def _name(exponents: Exponents) -> str:
    return f"w{exponents[0]}" if len(exponents) == 1 else f"w{exponents}".replace(",)", ")")
