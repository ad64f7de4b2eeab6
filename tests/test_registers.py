"""Does every kernel compile for a GPU and link, with the registers and spills that are stored, and in its own dtype?

No GPU is needed, but the compiler of CUDA 13.0: `pip install -e '.[cuda-compile]'`. All kernels take five minutes of a
processor; a sample of the orders is taken unless TAYLORNB_ALL_KERNELS=1.
"""

import os
import re

import numba
import numpy as np
import pytest

import taylornb as tn
from bench import registers
from bench.operations import CASES
from bench.registers import Key
from taylornb.rolled import Rolled
from taylornb.targets.cuda import compiled, text
from taylornb.targets.cuda.provider import provider

cuda = provider().cuda
STORED = registers.stored()
SINE = 40  # bytes: the multiples of π/2 that are taken from a huge argument
# What the range reduction of float32's sine does in float64 where the argument is huge: a fraction of 2⁶⁴, times π/2 over that.
SLOW_REDUCTION = re.compile(r"cvt\.rn\.f64\.[su]64|mul\.f64 .*0d3BF921FB54442D19|cvt\.rn\.f32\.f64")
ARITHMETIC = re.compile(r"^\s*(?:@%p\d+ )?([a-z][\w.]*\.f64[\w.]*\s.*)$", re.MULTILINE)
MOVES = re.compile(r"(?:mov|ld|st)\.")


compiles = pytest.mark.skipif(
    not registers.installed(), reason="needs the compiler of CUDA 13.0: pip install -e '.[cuda-compile]'"
)


def sample():
    """All kernels of order 2, and one of the higher orders of each, by turns; all of F1."""
    if os.environ.get("TAYLORNB_ALL_KERNELS"):
        return registers.kernels()
    orders = {name: (2, (4, 8, 4, 16)[n % 4]) for n, name in enumerate(CASES)}
    return [key for key in registers.kernels() if key.kernel.startswith("F1") or key.order in orders[key.kernel]]


def test_the_table_has_every_kernel():
    assert list(STORED) == registers.kernels()


OURS = [key for key in STORED if key.kernel not in (registers.TEMPLATE, registers.TEMPLATE_ONCE)]


def test_nothing_spills_and_the_stack_is_that_of_the_sine():
    assert {key for key in OURS if STORED[key][2]} == set()
    assert {stack for _, stack, _ in STORED.values() if stack} >= {SINE}
    assert {STORED[key][1] for key in OURS} <= {0, 32, SINE}
    angles = {key.kernel for key in OURS if STORED[key][1]}
    assert angles <= {"F1", "sin", "cos", "tan", "gammaln", "digamma"}  # the last two are reflected by a sine or tangent


@pytest.mark.parametrize("key", [key for key in OURS if key.kernel == "F1"], ids=str)
def test_f1_has_at_most_two_registers_more_than_a_template_in_cpp(key):
    """One whose threads go around a loop over elements too."""
    assert STORED[key][0] <= STORED[key._replace(kernel=registers.TEMPLATE)][0] + 2


@pytest.mark.parametrize("order", registers.F1_ORDERS)
@pytest.mark.parametrize("kind", ["full", "x+ε"])
def test_f1_has_at_most_two_more_than_the_kernel_of_one_element(kind, order):
    """Which keeps no addresses from one element to the next."""
    found, once = (STORED[Key(name, kind, order, "float64")][0] for name in ("F1", registers.TEMPLATE_ONCE))
    assert found <= once + 2


@compiles
@pytest.mark.parametrize("key", sample(), ids=lambda key: "-".join(map(str, key)))
def test_a_kernel_compiles_links_and_uses_the_registers_that_are_stored(key):
    found = registers.built(key)
    message = "if it is meant, store the new ones: python -m bench.registers --write"
    assert (found.registers, found.stack, found.spills) == STORED[key], message
    assert ".target sm_90" in found.ptx
    if key.dtype == "float32" and key in OURS:
        assert not in_float64(found.ptx)


def in_float64(ptx):
    """The instructions that compute in float64."""
    lines = [line.strip() for line in ARITHMETIC.findall(ptx)]
    return [line for line in lines if not MOVES.match(line) and not SLOW_REDUCTION.match(line)]


@compiles
def test_float64_arithmetic_is_seen_where_there_is_some():
    assert len(in_float64(registers.built(Key("exp", "full", 2, "float64")).ptx)) > 10


@compiles
def test_loops_in_float32_compute_in_it():
    found = registers.program(Key("power", "full", 24, "float32"))
    assert isinstance(found, Rolled)
    built = registers.compiled_program(found)
    assert built.spills == 0
    assert not in_float64(built.ptx)


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
    code = registers.intermediate(kernel, (numba.types.Array(of, 1, "C"), numba.types.Array(of, 2, "C")))
    found = registers.linked(code).ptx
    assert ".entry" in found
    assert dtype == "float64" or not in_float64(found)


@compiles
@pytest.mark.parametrize("dtype", [*registers.DTYPES, "bool"])
@pytest.mark.parametrize("what", text.MOVES)
def test_the_kernels_that_move_elements_compile(what, dtype):
    where = numba.types.Array(numba.types.int64, 1, "C")
    for layout in ("C", "A"):
        planes = [numba.types.Array(numba.from_dtype(np.dtype(dtype)), 2, own) for own in (layout, "C")]
        signature = (numba.types.uint64, numba.types.uint64, *planes, where)
        found = registers.linked(registers.intermediate(compiled.python(text.MOVES[what]), signature)).ptx
        assert ".entry" in found
        assert ".local" not in found
        assert not in_float64(found)


@compiles
@pytest.mark.parametrize("dtype", registers.DTYPES)
def test_the_kernel_of_sums_compiles(dtype):
    planes = numba.types.Array(numba.from_dtype(np.dtype(dtype)), 3, "C")
    found = registers.linked(
        registers.intermediate(compiled.python(text.SUMS), (*[numba.types.uint64] * 4, planes, planes))
    ).ptx
    assert "st.global" in found
    assert dtype == "float64" or not in_float64(found)
