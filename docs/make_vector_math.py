"""How far is each elementary function on vectors from the exact value? Writes the table of docs/vector-math.md.

Run it as `PYTHONPATH=tests python docs/make_vector_math.py`; it takes a few minutes.
"""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np
from ulp import ROWS, errors, exact_values, good_values, hard, random
from vector_paths import PATHS, evaluator

from taylornb.targets.llvm.machine import host

PAGE = Path(__file__).with_name("vector-math.md")
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
COUNT = 1_000_000
KINDS = ("libmvec", "tables in registers", "branch-free", "scalar")
DTYPES = ("float64", "float32")


def worst(name: str, dtype: str) -> dict[str, float]:
    """The largest error in ulp of each kind of path, over all widths that the library has."""
    found: dict[str, float] = {}
    functions = {path: evaluator(path, name, dtype) for path in PATHS}
    for points, oracle in ((random(name, dtype, COUNT), good_values), (hard(name, dtype), exact_values)):
        exact = oracle(name, *points)
        for path, function in functions.items():
            if function is not None:
                kind = path.partition(",")[0]
                error = float(np.max(errors(function(*points), exact)))
                found[kind] = max(found.get(kind, 0.0), error)
    return found


def row(name: str) -> str:
    """One line of the table."""
    columns = {dtype: worst(name, dtype) for dtype in DTYPES}
    cells = [f"{columns[dtype][kind]:.2f}" if kind in columns[dtype] else "–" for dtype in DTYPES for kind in KINDS]
    return f"| `{name}` | {' | '.join(cells)} |"


def table() -> str:
    """The table and the system it was measured on."""
    system = f"{' '.join(platform.libc_ver())}, {platform.machine()}, vectors of {8 * host().width} bits"
    heads = " | ".join(f"{dtype}, {kind}" for dtype in DTYPES for kind in KINDS)
    top = [f"Measured with {system}.", "", f"| function | {heads} |", "|---" * (1 + len(DTYPES) * len(KINDS)) + "|"]
    return "\n".join([*top, *map(row, ROWS)])


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")
