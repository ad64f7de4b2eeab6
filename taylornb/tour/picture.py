"""What does a Taylor series look like next to its function? A picture, drawn by matplotlib where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import taylornb as tn

from . import page

CENTRE = 1.0
REACH = 2**0.5  # from the centre to the poles of the function at ±i
ORDERS = (1, 2, 4, 8, 16)
RANGE = (-2.0, 4.0)
HEIGHT = (-1.0, 2.5)
AFTER = """
{path} shows exp(sin x)·x/(1 + x²) and its series at x = {centre:g} to the orders {orders}. They close in on the function up to
√2 from the centre, the shaded range, and no further: that is how far away the poles at ±i are.
"""


def function(x: Any) -> Any:
    """exp(sin x)·x/(1 + x²)."""
    return tn.exp(tn.sin(x)) * x / (1 + x**2)


def draw(path: Path) -> None:
    """Write the picture; the end of the name chooses the format, PNG where there is none.

    Raises:
        ImportError: Where matplotlib is missing.
        OSError: Where the file cannot be written.
        ValueError: For a format that matplotlib does not know.
    """
    figure = _figure()
    _plot(figure.add_subplot())
    figure.legend(loc="outside right upper")
    figure.savefig(path, format=path.suffix[1:] or "png", dpi=150)


def text(path: Path) -> str:
    """The page."""
    orders = ", ".join(map(str, ORDERS))
    return page.page("The picture", page.prose(AFTER.format(path=path, centre=CENTRE, orders=orders)))


def _figure() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("--plot needs matplotlib, which is not installed: pip install matplotlib") from error
    return Figure(figsize=(9, 5), layout="constrained")


def _plot(axes: Any) -> None:
    x = np.linspace(*RANGE, 601)
    coefficients = function(tn.variable(CENTRE, max(ORDERS))).coeffs
    axes.axvspan(CENTRE - REACH, CENTRE + REACH, color="0.93", label="where it converges")
    axes.plot(x, function(x), color="black", linewidth=2.5, label="exp(sin x)·x/(1 + x²)")
    for order in ORDERS:  # every truncation of a series is a prefix of it
        axes.plot(x, np.polynomial.Polynomial(coefficients[: order + 1])(x - CENTRE), label=f"order {order}")
    axes.plot(CENTRE, function(CENTRE), "o", color="black")
    axes.set(xlim=RANGE, ylim=HEIGHT, xlabel="x", title=f"Taylor series at x = {CENTRE:g}")
