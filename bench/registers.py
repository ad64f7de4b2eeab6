"""What does the compiler make of each kernel for a GPU of compute capability 9.0: registers, stack, spills?

No GPU is needed, but the extra `cuda-compile`. `python -m bench.registers --write` stores the table; it takes some minutes.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

import taylornb as tn
from taylornb.program import Program
from taylornb.targets.cuda import compiled, text
from taylornb.targets.cuda.provider import provider

from .operations import CASES, arguments
from .workloads import WORKLOADS, f1

TABLE = Path(__file__).parent / "registers.csv"
CAPABILITY = (9, 0)
ORDERS = (2, 4, 8, 16)
DTYPES = ("float64", "float32")
F1_ORDERS = (4, 8, 16, 24)
COLUMNS = ("kernel", "input", "order", "dtype", "registers", "stack", "spills")
USED = re.compile(r"^info\s*: used (\d+) registers.* (\d+) stack", re.MULTILINE)
SPILLED = re.compile(r"(\d+) bytes spill (?:stores|loads)")


class Key(NamedTuple):
    """A kernel: the function, whether its input is a variable x + ε or a full series, the order, the dtype."""

    kernel: str
    input: str
    order: int
    dtype: str


class Built(NamedTuple):
    """What came of a kernel: its registers, the bytes of its stack and of what it spills, and the PTX."""

    registers: int
    stack: int
    spills: int
    ptx: str


def kernels() -> list[Key]:
    """Every operation on full series, and F1 on both kinds of input."""
    operations = [Key(name, "full", order, dtype) for name in CASES for order in ORDERS for dtype in DTYPES]
    return operations + [Key("F1", kind, order, dtype) for kind in ("full", "x+ε") for order in F1_ORDERS for dtype in DTYPES]


def program(key: Key) -> Program:
    """The program of a kernel."""
    function, at = (lambda x: f1(np, x), (0.7,)) if key.kernel in WORKLOADS else CASES[key.kernel]
    given = arguments(at, key.order, np.dtype(key.dtype), (2,))
    if key.input == "full":
        basis = tn.Basis(("x",), key.order)
        given = tuple(tn.from_coefficients(np.ones((basis.size, 2), key.dtype), basis) for _ in at)
    elif len(at) > 1:
        raise ValueError("a kernel on x + ε has one argument")
    (found,) = tn.fuse(function, target="cuda")._programs(given, {}, "unrolled")
    return found  # type: ignore[no-any-return]


def built(key: Key) -> Built:
    """The kernel compiled to PTX and linked."""
    return _built(program(key))


@lru_cache(maxsize=16)
def _built(program: Program) -> Built:
    from cuda.core import Linker, LinkerOptions, ObjectCode

    code = _ptx(program)
    options = LinkerOptions(arch="sm_90", ptxas_options=["-v"], verbose=True)
    linker = Linker(ObjectCode.from_ptx(code.encode()), options=options)
    linker.link("cubin")
    log = linker.get_info_log()
    (used,) = USED.findall(log)
    return Built(int(used[0]), int(used[1]), sum(map(int, SPILLED.findall(log))), code)


def _ptx(program: Program) -> str:
    import numba

    inputs = {slot: dtype for slot, _, dtype in program.loads}
    dtypes = [*(inputs[slot] for slot in program.inputs), *(out.dtype for out in program.outputs)]
    arrays = [numba.types.Array(numba.from_dtype(dtype), 2, "C") for dtype in dtypes]
    function = compiled.python(text.kernel(program, ["i"] * len(program.inputs)))
    return ptx(function, (numba.types.uint64, *arrays))


def ptx(function: Any, signature: tuple[Any, ...]) -> str:
    """The PTX of a kernel for arguments of these types."""
    # Numba asks for the current device where a kernel calls a function, although it is told the compute capability.
    device = SimpleNamespace(compute_capability=CAPABILITY)
    with patch("numba.cuda.dispatcher.get_current_device", lambda: device):
        found: str = provider().cuda.compile(function, signature, device=False, cc=CAPABILITY, abi="numba")[0]
    return found


def row(key: Key) -> tuple[str, ...]:
    """The line of the table for a kernel."""
    found = built(key)
    return key.kernel, key.input, str(key.order), key.dtype, str(found.registers), str(found.stack), str(found.spills)


def rows(processes: int = 2) -> Iterator[tuple[str, ...]]:
    """The whole table."""
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(row, kernels(), chunksize=8)


def stored() -> dict[Key, tuple[int, ...]]:
    """The table as it is stored: registers, stack and spills of each kernel."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))[1:]
    return {Key(*line[:2], int(line[2]), line[3]): tuple(map(int, line[4:])) for line in lines}


def main() -> None:
    """Print the table, or store it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the table in place of printing it")
    parser.add_argument("--only", default="", help="a kernel, such as F1")
    chosen: Any = parser.parse_args()
    if chosen.write:
        table = [COLUMNS, *rows()]
        with TABLE.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(table)
    else:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        for key in kernels():
            if chosen.only in ("", key.kernel):
                writer.writerow(row(key))


if __name__ == "__main__":
    main()
