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
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

import taylornb as tn
from taylornb import gpu
from taylornb.program import Program
from taylornb.rolled import Rolled
from taylornb.segments import cut
from taylornb.targets.cuda import compiled, scratch
from taylornb.targets.cuda.occupancy import fewer
from taylornb.targets.cuda.provider import provider

from .operations import CASES, arguments
from .workloads import WORKLOADS, f1

TABLE = Path(__file__).parent / "registers.csv"
CAPABILITY = (9, 0)
ORDERS = (2, 4, 8, 16)
DTYPES = ("float64", "float32")
F1_ORDERS = (4, 8, 16, 24)
TEMPLATE, TEMPLATE_ONCE = "F1 in C++", "F1 in C++ for one element"  # whose threads go around a loop over elements, as ours do
SOURCE = Path(__file__).parent / "peers" / "f1.cu"
COLUMNS = ("kernel", "input", "order", "dtype", "registers", "stack", "spills")
NEEDED = "needs the compiler of CUDA 13.0: pip install -e '.[cuda-compile]'"
USED = re.compile(r"Used (\d+) registers")
STACK = re.compile(r"(\d+) bytes cumulative stack size")
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


def installed() -> bool:
    """Whether the compiler is there whose registers are stored."""
    try:
        return all(version(name).startswith("13.0.") for name in ("nvidia-nvvm", "nvidia-nvjitlink")) and bool(
            version("numba-cuda")
        )
    except PackageNotFoundError:
        return False


def kernels() -> list[Key]:
    """Every operation on full series, and F1 on both kinds of input, by this library and as a template in C++."""
    operations = [Key(name, "full", order, dtype) for name in CASES for order in ORDERS for dtype in DTYPES]
    f1s = [(kind, order, dtype) for kind in ("full", "x+ε") for order in F1_ORDERS for dtype in DTYPES]
    return operations + [Key(name, *f1) for name in ("F1", TEMPLATE, TEMPLATE_ONCE) for f1 in f1s]


def program(key: Key) -> Program | Rolled:
    """The program of a kernel."""
    function, at = (lambda x: f1(np, x), (0.7,)) if key.kernel in WORKLOADS else CASES[key.kernel]
    given = arguments(at, key.order, np.dtype(key.dtype), (2,))
    if key.input == "full":
        basis = tn.Basis(("x",), key.order)
        given = tuple(tn.from_coefficients(np.ones((basis.size, 2), key.dtype), basis) for _ in at)
    elif len(at) > 1:
        raise ValueError("a kernel on x + ε has one argument")
    (found,) = tn.fuse(function, target="cuda")._programs(given, {}, None)
    return found  # type: ignore[no-any-return]


def built(key: Key) -> Built:
    """The kernel compiled to PTX and linked."""
    return linked(template(key)) if key.kernel in (TEMPLATE, TEMPLATE_ONCE) else compiled_program(program(key))


@lru_cache(maxsize=16)
def compiled_program(program: Program | Rolled) -> Built:
    """The kernel of a program."""
    import numba

    inputs = {slot: dtype for slot, _, dtype in program.loads}
    dtypes = [*(inputs[slot] for slot in program.inputs), *(out.dtype for out in program.outputs)]
    arrays = [numba.types.Array(numba.from_dtype(dtype), 2, "C") for dtype in dtypes]
    memory = program if isinstance(program, Rolled) else cut(program)
    more = list(map(numba.from_dtype, scratch.rows(memory))) if memory else []
    more += [numba.types.uint32] if isinstance(program, Rolled) else []
    arrays += [numba.types.Array(of, 1, "C") for of in more]
    function = compiled.python(gpu.source(program, ("i",) * len(program.inputs)))
    return fitted(intermediate(function, (numba.types.uint64, *arrays)))


def intermediate(function: Any, signature: tuple[Any, ...]) -> bytes:
    """A kernel for arguments of these types in the language that nvJitLink takes, which Numba launches it from."""
    # Numba asks for the current device where a kernel calls a function, although it is told the compute capability.
    device = SimpleNamespace(compute_capability=CAPABILITY)
    with patch("numba.cuda.dispatcher.get_current_device", lambda: device):
        cuda = provider().cuda
        return cuda.compile(function, signature, device=False, cc=CAPABILITY, abi="numba", output="ltoir")[0]  # type: ignore[no-any-return]


def template(key: Key) -> bytes:
    """The template in C++ in the language that nvJitLink takes, by the compiler that nvcc uses too."""
    from cuda.bindings import nvrtc

    real = "double" if key.dtype == "float64" else "float"
    macros = [f"ORDER={key.order}", f"REAL={real}", *(["EPSILON"] if key.input == "x+ε" else [])]
    macros += ["ONCE"] if key.kernel == TEMPLATE_ONCE else []
    options = [b"-arch=sm_90", b"-dlto", *(f"-D{macro}".encode() for macro in macros)]
    _, unit = nvrtc.nvrtcCreateProgram(SOURCE.read_bytes(), SOURCE.name.encode(), 0, [], [])
    (status,) = nvrtc.nvrtcCompileProgram(unit, len(options), options)
    _, size = nvrtc.nvrtcGetProgramLogSize(unit) if status else nvrtc.nvrtcGetLTOIRSize(unit)
    found = bytearray(size)
    (nvrtc.nvrtcGetProgramLog if status else nvrtc.nvrtcGetLTOIR)(unit, found)
    if status:
        raise RuntimeError(found.decode())
    return bytes(found)


def linked(code: bytes) -> Built:
    """The kernel linked as Numba does it: by nvJitLink, which knows the whole of it."""
    used, stack, spills = _log(code)
    ptx = _linker(code, ptx=True).link("ptx").code
    return Built(used, stack, spills, ptx.decode())


def fitted(code: bytes) -> Built:
    """The kernel linked as it is launched: within fewer registers, where more threads fit and nothing spills (`occupancy`)."""
    found = linked(code)
    limit = fewer(found.registers)
    if limit is None:
        return found
    used, stack, spills = _log(code, max_register_count=limit)
    return found._replace(registers=used) if (stack, spills) <= (found.stack, found.spills) else found


def _log(code: bytes, **options: Any) -> tuple[int, int, int]:
    """Registers, bytes of stack and bytes of spills, as the linker tells them."""
    linker = _linker(code, ptxas_options=["-v"], verbose=True, **options)
    linker.link("cubin")
    log = linker.get_info_log()
    (used,), stack = USED.findall(log), STACK.findall(log)
    return int(used), int(stack[0]) if stack else 0, sum(map(int, SPILLED.findall(log)))


def _linker(code: bytes, **options: Any) -> Any:
    from cuda.core import Linker, LinkerOptions, ObjectCode

    own = LinkerOptions(arch="sm_90", link_time_optimization=True, **options)
    return Linker(ObjectCode.from_ltoir(code), options=own)


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
