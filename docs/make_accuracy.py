"""How close does every function come to its accuracy bound? Writes docs/accuracy.md, from the tests' points and oracle.

Run it as `PYTHONPATH=tests python docs/make_accuracy.py`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from accuracy import FORMATS, seeded_slack
from mpmath import mpf
from points import UNARY, arguments
from test_accuracy import evaluate_seeded, exact_series

import taylornb as tn

ORDER = 8
COLUMNS = [(dtype, target) for dtype in ("float64", "float32") for target in ("reference", "cpu")]
HEAD = """# Accuracy

How close each function of one argument comes to the bound of [the theory page](theory.md#the-accuracy-that-is-tested), at all
points at which the tests try it, ordinary and awkward, for series x + ε to order 8. *Value* is the largest relative error of
the value (where it is neither subnormal nor infinite); *share* is the largest error of any coefficient as a share of what the
bound allows it. The elementary functions themselves are NumPy's on the reference and the C library's in kernels, so other
machines differ in the last digit. `PYTHONPATH=tests python docs/make_accuracy.py` makes this page.

| function | points | value, reference | value, cpu | share, reference | share, cpu | float32, reference | float32, cpu |
|---|---|---|---|---|---|---|---|
"""


def worst(name: str, dtype: str, target: str) -> tuple[float, float]:
    """The largest relative error of the value, and the largest share of the bound."""
    points, form = arguments(UNARY[name], dtype), FORMATS[dtype]
    values, shares = [mpf(0)], [mpf(0)]
    for x0, column in zip(points, evaluate_seeded(getattr(tn, name), points, dtype, ORDER, target).T, strict=True):
        exact = exact_series(name, x0)[: ORDER + 2]
        for k, (got, c, slack) in enumerate(zip(column.tolist(), exact, seeded_slack(exact, x0, dtype), strict=False)):
            if not np.isfinite(got) or abs(c) > form.largest:
                break
            error = abs(mpf(got) - c)
            shares.append(error / (form.rtol * abs(c) + slack + form.tiny))
            if k == 0 and abs(c) > 2**60 * form.tiny:
                values.append(error / abs(c))
    return float(max(values)), float(max(shares))


def row(name: str) -> str:
    """One line of the table."""
    found = {column: worst(name, *column) for column in COLUMNS}
    values = [f"{found[column][0]:.1e}" for column in COLUMNS[:2]]
    shares = [f"{found[column][1]:.2g}" for column in COLUMNS]
    return f"| `{name}` | {len(arguments(UNARY[name], 'float64'))} | {' | '.join([*values, *shares])} |"


if __name__ == "__main__":
    Path(__file__).with_name("accuracy.md").write_text(HEAD + "\n".join(map(row, sorted(UNARY))) + "\n")
