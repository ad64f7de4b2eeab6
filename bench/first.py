"""How long does a user wait? Imports and first calls in fresh processes, and calls so small that only their overhead counts.

Each probe runs in a process of its own, `python -m bench.first PROBE`, which prints seconds as JSON. Nothing but the
standard library is imported before its clock starts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

POINTS = 1000
FEW = 10  # points of a call that is nothing but overhead
EAGER_ORDER = 4
CACHE = "TAYLORNB_CACHE_DIR"
CALLS = (("F1", 8), ("F1", 32), ("F5", 6), ("F2", 8))  # (workload, order) of first calls
BASES = (("unrolled", 1, 16), ("high", 1, 64), ("high", 1, 200), ("high", 4, 10))  # (name, variables, order)
FORMS: dict[str, Callable[..., Any]] = {  # of operations that take other things than arrays
    "keep": lambda f, x: f(x, order=2),
    "stack": lambda f, *x: f(x),
    "concatenate": lambda f, *x: f(x),
    "reshape": lambda f, x: f(x, (2, FEW // 2)),
    "broadcast_to": lambda f, x: f(x, (2, FEW)),
    "power": lambda f, x, y: f(x, 2.5),
}
LIMIT = 300.0  # seconds


def measure(quick: bool) -> dict[str, Any]:
    """Every probe, several times by turns."""
    rounds = 2 if quick else 5
    found: dict[str, list[dict[str, float]]] = {}
    for n in range(rounds):
        for name, probe in _probes(n, quick).items():
            found.setdefault(name, []).append(probe())
        print(f"first calls: round {n + 1} of {rounds}", file=sys.stderr, flush=True)
    result: dict[str, Any] = {name: _medians(runs) for name, runs in found.items()}
    return result | {"few": _fresh("few"), "eager": _fresh("eager"), "rates": _fresh("rates")}


def _probes(n: int, quick: bool) -> dict[str, Callable[[], dict[str, float]]]:
    """What is run in round n; long first calls not in every round."""
    calls = CALLS[:1] if n > 1 or (quick and n) else CALLS
    probes: dict[str, Callable[[], dict[str, float]]] = {
        "numba": partial(_fresh, "numba"),
        "import": partial(_fresh, "imported"),
    }
    for workload, order in calls:
        name = f"{workload} order {order}"
        probes[name] = partial(_cold_and_warm, workload, order)
    return probes


def _cold_and_warm(workload: str, order: int) -> dict[str, float]:
    """A first call with nothing on disk, and one in another process after it."""
    with tempfile.TemporaryDirectory() as cache:
        cold, warm = (_fresh("called", workload, str(order), cache=cache) for _ in range(2))
    return {**{f"cold {key}": seconds for key, seconds in cold.items()}, **{f"warm {key}": s for key, s in warm.items()}}


def _fresh(probe: str, *arguments: str, cache: str = "") -> Any:
    """What a probe prints in a process of its own; a failure as its text."""
    command = [sys.executable, "-m", "bench.first", probe, *arguments]
    with tempfile.TemporaryDirectory() as empty:
        environment = {**os.environ, CACHE: cache or empty}
        try:
            found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
        except subprocess.TimeoutExpired:
            return {"failed": f"took longer than {LIMIT:g} s"}
    if found.returncode:
        return {"failed": found.stderr.strip().splitlines()[-1][:300]}
    return json.loads(found.stdout.splitlines()[-1])


def _medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each number over the runs that have it."""
    if failed := [run["failed"] for run in runs if "failed" in run]:
        return {"failed": failed[0]}
    keys = dict.fromkeys(key for run in runs for key in run)
    values = {key: [run[key] for run in runs if key in run] for key in keys}
    return {key: median(v) if not isinstance(v[0], str) else v[0] for key, v in values.items()}


# ---- the probes ----------------------------------------------------------------------------------------


def numba() -> dict[str, float]:
    """Numba, with its CPU target initialised: what every compiled call has to wait for."""
    start = perf_counter()
    import numba

    numba.njit("f8(f8)")(lambda x: x)
    return {"seconds": perf_counter() - start}


def imported() -> dict[str, float]:
    """Taylornb, and nothing done with it."""
    start = perf_counter()
    import taylornb  # noqa: F401

    return {"seconds": perf_counter() - start}


def called(workload: str, order: str) -> dict[str, float]:
    """The import, the first call of a fused function, and the second."""
    start = perf_counter()
    import taylornb  # noqa: F401

    ready = perf_counter()
    from . import series
    from .workloads import WORKLOADS

    fused = series.program(WORKLOADS[workload])
    arguments = series.arguments(WORKLOADS[workload], int(order), POINTS)
    times = [perf_counter()]
    for _ in range(2):
        fused(*arguments)
        times.append(perf_counter())
    return {"import": ready - start, "first": times[1] - times[0], "second": times[2] - times[1]}


def few() -> dict[str, float]:
    """A fused call on few points, compiled before."""
    from . import series
    from .workloads import WORKLOADS

    found = {}
    for name, order in (("F1", 4), ("F1", 8), ("F5", 2), ("F7", 4)):
        fused = series.program(WORKLOADS[name])
        arguments = series.arguments(WORKLOADS[name], order, FEW)
        found[f"{name} order {order}"] = _each(partial(fused, *arguments))
    return found


def eager() -> dict[str, float]:
    """Every operation on few points."""
    import numpy as np

    import taylornb as tn
    from taylornb.rules import registry

    spread = np.linspace(0.0, 0.05, FEW)
    found = {}
    for name in tn.operations:
        function, form = getattr(tn, name), FORMS.get(name, lambda f, *x: f(*x))
        arguments = [tn.variable(at + spread, EAGER_ORDER) for at in registry[name].at]
        found[name] = _each(partial(form, function, *arguments))
    return found


def rates() -> list[dict[str, Any]]:
    """Multiply-adds a second of products, and of exponentials in one variable, at orders too high to unroll."""
    found = []
    for form, variables, order in BASES:
        for name, (fused, arguments, count) in _high(variables, order).items():
            start = perf_counter()
            fused(*arguments)
            waited, points = perf_counter() - start, arguments[0].size
            rate = count * points / _each(partial(fused, *arguments), 0.5)
            where = {"form": form, "variables": variables, "order": order, "function": name, "points": points}
            found.append({**where, "first": waited, "rate": rate})
    return found


def _high(variables: int, order: int) -> dict[str, tuple[Any, tuple[Any, ...], int]]:
    """Functions of dense series by name, with their arguments and the multiply-adds that one element takes."""
    from math import comb

    import numpy as np

    import taylornb as tn

    basis = tn.Basis(tuple("xyzw"[:variables]), order)
    points = max(64, min(20_000, 10**7 // basis.size))
    scale = 0.5 ** np.array(basis.degrees)[:, None] / basis.size
    a, b = (tn.from_coefficients(scale * np.cos(np.arange(points) + shift), basis) for shift in (0.0, 1.0))
    product = {"product": (tn.fuse(lambda p, q: p * q), (a, b), comb(2 * variables + order, order))}
    return product if variables > 1 else product | {"exp": (tn.fuse(lambda p: tn.exp(p)), (a,), order * (order + 1) // 2)}


def _each(call: Callable[[], Any], budget: float = 0.05) -> float:
    """The median seconds of a call, over as many as the budget allows."""
    for _ in range(3):
        start = perf_counter()
        call()
        seconds = perf_counter() - start
    times = []
    for _ in range(max(3, min(500, int(budget / seconds)))):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return median(times)


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
