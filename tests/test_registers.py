"""Does every kernel compile for a GPU and link, with the registers and spills that are stored, and in its own dtype?

No GPU is needed, but the compiler of CUDA 13.0: `pip install -e '.[cuda-compile]'`. All kernels take five minutes of a
processor; a sample of the orders is taken unless TAYLORNB_ALL_KERNELS=1.
"""

import os
import re
from importlib.metadata import PackageNotFoundError, version

import numba
import numpy as np
import pytest

import taylornb as tn
from bench import registers
from bench.operations import CASES
from bench.registers import Key
from taylornb.targets.cuda import compiled, text
from taylornb.targets.cuda.provider import provider

cuda = provider().cuda
STORED = registers.stored()
IN_FLOAT64 = {"gammaln", "digamma"}  # in either dtype, as on the processor
# What the range reduction of float32's sine does in float64 where the argument is huge: a fraction of 2⁶⁴, times π/2 over that.
SLOW_REDUCTION = re.compile(r"cvt\.rn\.f64\.[su]64|mul\.f64 .*0d3BF921FB54442D19|cvt\.rn\.f32\.f64")
ARITHMETIC = re.compile(r"^\s*(?:@%p\d+ )?([a-z][\w.]*\.f64[\w.]*\s.*)$", re.MULTILINE)
MOVES = re.compile(r"(?:mov|ld|st)\.")


def installed():
    """Whether the compiler is there whose registers are stored."""
    try:
        return all(version(name).startswith("13.0.") for name in ("nvidia-nvvm", "nvidia-nvjitlink")) and version("numba-cuda")
    except PackageNotFoundError:
        return False


compiles = pytest.mark.skipif(not installed(), reason="needs the compiler of CUDA 13.0: pip install -e '.[cuda-compile]'")


def sample():
    """All kernels of order 2, and one of the higher orders of each, by turns; all of F1."""
    if os.environ.get("TAYLORNB_ALL_KERNELS"):
        return registers.kernels()
    orders = {name: (2, (4, 8, 4, 16)[n % 4]) for n, name in enumerate(CASES)}
    return [key for key in registers.kernels() if key.kernel == "F1" or key.order in orders[key.kernel]]


def test_the_table_has_every_kernel():
    assert list(STORED) == registers.kernels()


# What has more coefficients in use at once than there are registers: (operation, order) in each dtype.
SPILLS = {"float64": {("logaddexp", 16), ("power", 16), ("gammaln", 16), ("digamma", 16)}}
SPILLS["float64"] |= {(name, order) for name in ("hypot", "arctan2") for order in (8, 16)}
SPILLS["float32"] = {(name, 16) for name in ("hypot", "arctan2", "gammaln", "digamma")}


def test_little_spills_and_the_stack_is_that_of_the_sine():
    spilling = {key for key, (_, _, spills) in STORED.items() if spills}
    assert spilling == {Key(name, "full", order, dtype) for dtype, found in SPILLS.items() for name, order in found}
    stacks = {(key.dtype, stack) for key, (_, stack, _) in STORED.items() if key not in spilling}
    assert stacks <= {("float64", 0), ("float64", 40), ("float32", 0), ("float32", 32), ("float32", 40)}


def test_f1_does_not_spill_at_order_24():
    for kind in ("full", "x+ε"):
        assert STORED[Key("F1", kind, 24, "float64")][2] == 0


@compiles
@pytest.mark.parametrize("key", sample(), ids=lambda key: "-".join(map(str, key)))
def test_a_kernel_compiles_links_and_uses_the_registers_that_are_stored(key):
    found = registers.built(key)
    message = "if it is meant, store the new ones: python -m bench.registers --write"
    assert (found.registers, found.stack, found.spills) == STORED[key], message
    assert ".target sm_90" in found.ptx
    if key.dtype == "float32" and key.kernel not in IN_FLOAT64:
        assert not in_float64(found.ptx)


def in_float64(ptx):
    """The instructions that compute in float64."""
    lines = [line.strip() for line in ARITHMETIC.findall(ptx)]
    return [line for line in lines if not MOVES.match(line) and not SLOW_REDUCTION.match(line)]


@compiles
def test_float64_arithmetic_is_seen_where_there_is_some():
    assert len(in_float64(registers.built(Key("exp", "full", 2, "float64")).ptx)) > 10


@compiles
@pytest.mark.parametrize("dtype", registers.DTYPES)
def test_a_kernel_of_the_users_own_compiles_with_a_function_of_scalars(dtype):
    function = tn.fuse(lambda x: np.exp(x) * np.cbrt(x) + np.rint(x)).device_function(2, dtype=dtype)

    def kernel(x, out):
        i = cuda.grid(1)
        if i < x.size:
            found = function(x[i])
            for k in range(3):
                out[k, i] = found[k]

    of = numba.from_dtype(np.dtype(dtype))
    found = registers.ptx(kernel, (numba.types.Array(of, 1, "C"), numba.types.Array(of, 2, "C")))
    assert ".entry" in found
    assert dtype == "float64" or not in_float64(found)


@compiles
@pytest.mark.parametrize("dtype", registers.DTYPES)
def test_the_kernel_of_sums_compiles(dtype):
    planes = numba.types.Array(numba.from_dtype(np.dtype(dtype)), 3, "C")
    found = registers.ptx(compiled.python(text.SUMS), (*[numba.types.uint64] * 4, planes, planes))
    assert "st.global" in found
    assert dtype == "float64" or not in_float64(found)
