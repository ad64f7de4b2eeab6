"""heyoka: compiled functions of symbolic derivatives, one expression for each normalised coefficient."""

from __future__ import annotations

import pickle
from math import factorial, prod
from types import SimpleNamespace
from typing import Any

import numpy as np

from . import Array, Case, Contender, Inputs, absent

MISSING = absent("heyoka")


def build(case: Case) -> None:
    """Differentiate, compile, and keep the compiled function."""
    file = _file(case)
    if not file.exists():
        file.write_bytes(pickle.dumps(_compiled(case)))


def prepare(case: Case, inputs: Inputs) -> list[Contender]:
    """One contender, which writes into memory it is given."""
    function = pickle.loads(_file(case).read_bytes())  # a file of our own
    given = np.ascontiguousarray(_rows(case, inputs))
    out = inputs.out
    parallel = case.threads > 1

    def call() -> None:
        function(given, outputs=out, batch_parallel=parallel)

    return [Contender("heyoka", call, lambda result, at: out[:, at])]


def _rows(case: Case, inputs: Inputs) -> Array:
    """A row for each variable of the compiled function."""
    if case.workload.dense:
        return np.concatenate(inputs.numbers)
    return np.stack(inputs.numbers * 2 if case.workload.name == "F9" else inputs.numbers)


def _compiled(case: Case) -> Any:
    import heyoka

    expressions, variables = (_dense if case.workload.dense else _seeded)(case)
    return heyoka.cfunc(expressions, variables)


def _seeded(case: Case) -> tuple[list[Any], list[Any]]:
    """Derivatives in the arguments; what stands under ⊥ is written in variables of its own, which have the same values."""
    import heyoka

    variables = [heyoka.expression(name) for name in case.workload.arguments]
    held = {name: heyoka.expression(f"held_{name}") for name in case.workload.arguments}
    functions = {name: getattr(heyoka, name) for name in ("exp", "sin", "tanh", "log", "sqrt")}
    library = SimpleNamespace(**functions, detach=lambda u: heyoka.subs(u, held))
    found = _coefficients(case.workload.function(library, *variables), variables, case)
    return found, [*variables, *held.values()] if case.workload.name == "F9" else variables


def _dense(case: Case) -> tuple[list[Any], list[Any]]:
    """Derivatives in t at t = 0 of a function of polynomials in t."""
    import heyoka

    t, orders = heyoka.expression("t"), range(case.order + 1)
    names = [[heyoka.expression(f"{name}{k}") for k in orders] for name in case.workload.arguments]
    polynomials = [sum((c * t**k for k, c in enumerate(row[1:], 1)), row[0]) for row in names]
    found = _coefficients(case.workload.function(heyoka, *polynomials), [t], case)
    return [heyoka.subs(one, {"t": heyoka.expression(0.0)}) for one in found], [c for row in names for c in row]


def _coefficients(function: Any, variables: list[Any], case: Case) -> list[Any]:
    import heyoka

    tensors = heyoka.diff_tensors([function], variables, diff_order=case.order)
    return [tensors[[0, *e]] / float(prod(map(factorial, e))) for e in case.workload.monomials(case.order)]


def _file(case: Case) -> Any:
    return case.folder / f"{case.name}.heyoka"
