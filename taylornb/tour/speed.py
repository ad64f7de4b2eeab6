"""How fast is a fused kernel next to the same series written with NumPy operations?"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import taylornb as tn

from . import by_hand, listing, page

ORDER = 4
ROUNDS = 7
AGREEMENT = 1e-12  # the largest difference there may be, relative to the largest coefficient of the degree

CODE = """
@tn.fuse
def f(x):
    return tn.exp(tn.sin(x)) * x / (1 + x**2)
"""
BEFORE = """
A fused function is traced once, compiled into one kernel, and kept. Here it gives all coefficients to order {order} at
{points:,} points.
"""
AFTER = """
The rows below the first are medians of {rounds} calls, taken in turn. By hand means the recurrences of sin, exp, product and
quotient, written for this one function in taylornb/tour/by_hand.py. Before the clock started, all gave the same numbers,
to {difference:.0e} of the largest coefficient in each degree.
"""
FUSED, EAGER = "fused, every later call", "taylornb, one operation at a time"
BLOCKS, WHOLE = "NumPy by hand, in blocks that fit the cache", "NumPy by hand, on whole arrays"


def function() -> tn.Fused:
    """The fused function of the listing, not yet compiled."""
    fused = listing.run(CODE)["f"]
    assert isinstance(fused, tn.Fused)
    return fused


def difference(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The largest difference in any degree, relative to the largest coefficient of that degree."""
    return max(float(np.max(np.abs(p - q)) / np.max(np.abs(p))) for p, q in zip(a, b, strict=True))


def contenders(points: int) -> dict[str, Callable[[], NDArray[Any]]]:
    """Ways to the same coefficients, by name."""
    values = np.linspace(-3.0, 3.0, points)
    x, fused = tn.variable(values, ORDER), function()
    return {
        FUSED: lambda: fused(x).coeffs,
        EAGER: lambda: fused.function(x).coeffs,
        BLOCKS: lambda: by_hand.in_blocks(values, ORDER),
        WHOLE: lambda: by_hand.whole(values, ORDER),
    }


def disagreement(calls: dict[str, Callable[[], NDArray[Any]]]) -> float:
    """How far the results are apart.

    Raises:
        ArithmeticError: Where it is more than rounding: times of different computations are not compared.
    """
    results = {name: call() for name, call in calls.items()}
    worst = max(difference(results[FUSED], found) for found in results.values())
    if not worst <= AGREEMENT:
        raise ArithmeticError(
            f"the ways to compute the series disagree by {worst:.1e}, more than {AGREEMENT:.0e}; please report it"
        )
    return worst


def seconds(call: Callable[[], Any]) -> float:
    """How long one call takes."""
    start = perf_counter()
    call()
    return perf_counter() - start


def medians(calls: dict[str, Callable[[], Any]], rounds: int = ROUNDS) -> dict[str, float]:
    """The median time of each; they take turns, so that a slow spell of the machine meets them all."""
    times = [{name: seconds(call) for name, call in calls.items()} for _ in range(rounds)]
    return {name: median(turn[name] for turn in times) for name in calls}


def text(points: int) -> str:
    """The page."""
    calls = contenders(points)
    first = seconds(calls[FUSED])
    apart = disagreement(calls)
    before = page.prose(BEFORE.format(order=ORDER, points=points))
    after = page.prose(AFTER.format(rounds=ROUNDS, difference=apart))
    return page.page("4. One kernel", before, page.shown(CODE), _table(first, medians(calls), points), after)


def _table(first: float, times: dict[str, float], points: int) -> str:
    header = ("", "ms", "ns per point", "times as long as fused")
    start = ("fused, the first call, which compiles", f"{first * 1e3:.0f}", "", "")
    rows = [(name, f"{t * 1e3:.3g}", f"{t / points * 1e9:.3g}", f"{t / times[FUSED]:.2g}") for name, t in times.items()]
    return page.columns([header, start, *rows])
