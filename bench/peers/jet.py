"""jax.experimental.jet under jit; in several variables along directions from which all mixed coefficients follow."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import factorial
from types import SimpleNamespace
from typing import Any

import numpy as np

from . import Array, Case, Contender, Inputs, absent

MISSING = absent("jax.experimental.jet")


def build(case: Case) -> None:
    """Compile for each number of points; jax keeps the result."""
    for points in case.points:
        _compiled(case, case.workload.inputs(case.order, points, case.dtype))


def prepare(case: Case, inputs: Inputs) -> list[Contender]:
    """One contender, which makes a new array of shape (coefficients, points) each time."""
    given, function = _compiled(case, inputs.numbers)

    def call() -> Any:
        return function(*given).block_until_ready()

    return [Contender("jet", call, lambda result, at: np.asarray(result)[:, at])]


def _compiled(case: Case, numbers: tuple[Array, ...]) -> tuple[list[Any], Callable[..., Any]]:
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_compilation_cache_dir", os.fspath(case.folder / "jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    given = [jax.numpy.asarray(array) for array in numbers]
    return given, jax.jit(_form(case)).lower(*given).compile()


def _form(case: Case) -> Callable[..., Any]:
    degrees = range(1, case.order + 1)
    if case.workload.dense:
        return lambda *rows: _stacked(case, [row[0] for row in rows], [[row[k] for row in rows] for k in degrees])
    if len(case.workload.arguments) > 1:
        return lambda *values: _along_directions(case, values)
    return lambda x: _stacked(case, [x], [[_like(x, k == 1)] for k in degrees])


def _stacked(case: Case, values: list[Any], coefficients: list[list[Any]]) -> Any:
    """The normalised coefficients of the function of series, the k-th of each in the k-th list; jet has them times k!."""
    import jax.numpy as jnp
    from jax.experimental.jet import jet

    function = case.workload.function
    series = [[float(factorial(k)) * c for k, c in enumerate(row, 1)] for row in zip(*coefficients, strict=True)]
    value, rest = jet(lambda *x: function(_library(), *x), tuple(values), tuple(series))
    return jnp.stack([value, *(c / float(factorial(k)) for k, c in enumerate(rest, 1))])


def _along_directions(case: Case, values: tuple[Any, ...]) -> Any:
    """All coefficients, from univariate series along as many directions as a form of the highest degree has coefficients."""
    import jax
    import jax.numpy as jnp

    monomials = case.workload.monomials(case.order)
    directions = np.array([e for e in monomials if sum(e) == case.order], dtype=case.dtype) / case.order

    def along(direction: Any) -> Any:
        first = [_like(x, True) * d for x, d in zip(values, direction, strict=True)]
        later = [[_like(x, False) for x in values]] * (case.order - 1)
        return _stacked(case, list(values), [first, *later])

    found = jax.vmap(along)(jnp.asarray(directions))  # (directions, degrees, points)
    parts = [found[:1, 0]]
    for degree in range(1, case.order + 1):
        powers = [e for e in monomials if sum(e) == degree]
        matrix = np.prod(directions[:, None, :] ** np.array(powers), axis=2)
        parts.append(jnp.asarray(np.linalg.pinv(matrix)) @ found[:, degree])
    return jnp.concatenate(parts)


def _like(x: Any, one: bool) -> Any:
    import jax.numpy as jnp

    return jnp.ones_like(x) if one else jnp.zeros_like(x)


def _library() -> SimpleNamespace:
    import jax
    import jax.numpy as jnp

    return SimpleNamespace(exp=jnp.exp, sin=jnp.sin, tanh=jnp.tanh, log=jnp.log, sqrt=jnp.sqrt, detach=jax.lax.stop_gradient)
