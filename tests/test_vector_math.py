"""Is every elementary function on vectors within 4 ulp, right at special values, and blind to the neighbouring lanes?"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from ulp import ROWS, exact_values, good_values, hard, random, worst
from vector_paths import PATHS, evaluator

from taylornb.targets.llvm import libmvec
from taylornb.targets.llvm.machine import host

MOST = 4.0  # ulp; what glibc promises of its vector functions
COUNT = 20_000


@cache
def cases(name, dtype):
    """Arguments and their exact values."""
    probes, points = random(name, dtype, COUNT), hard(name, dtype)
    arguments = tuple(np.concatenate(pair) for pair in zip(probes, points, strict=True))
    return arguments, np.concatenate([good_values(name, *probes), exact_values(name, *points)])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ROWS)
def test_a_value_is_within_four_units_and_does_not_depend_on_other_lanes(name, dtype, path):
    function = evaluator(path, name, dtype)
    if function is None:
        pytest.skip(f"{path}: there is no {name} here")
    arguments, exact = cases(name, dtype)
    got = function(*arguments)
    error, line = worst(got, exact, arguments)
    assert error <= MOST, line
    order = np.random.default_rng(3).permutation(got.size)
    again = function(*(a[order] for a in arguments))
    np.testing.assert_array_equal(again, got[order])
    np.testing.assert_array_equal(np.signbit(again), np.signbit(got[order]))  # of zeros, which are equal


DOUBLE = np.dtype(np.float64)


@pytest.mark.parametrize(
    ("name", "dtype", "lanes"),
    [("gammaln", DOUBLE, 2), ("exp", DOUBLE, 3), ("exp", DOUBLE, 1), ("exp", np.dtype(np.complex128), 1), ("exp", DOUBLE, 16)],
)
def test_what_the_library_lacks_is_not_found(name, dtype, lanes):
    assert libmvec.found(name, dtype, lanes) is None


@pytest.mark.parametrize(("feature", "lanes"), [("+avx2", 4), ("+avx512dq", 8)])
def test_a_function_is_not_found_where_the_processor_cannot_run_it(feature, lanes, monkeypatch):
    here = host()
    lacking = ",".join(item for item in here.features.split(",") if item != feature)
    monkeypatch.setattr(libmvec, "host", lambda: replace(here, features=lacking))
    assert libmvec.found("exp", DOUBLE, lanes) is None


@pytest.mark.parametrize("triple", ["aarch64-unknown-linux-gnu", "arm64-apple-darwin24.0.0", "i686-unknown-linux-gnu"])
def test_the_library_is_for_one_architecture(triple, monkeypatch):
    monkeypatch.setattr(libmvec.llvm, "get_process_triple", lambda: triple)
    assert libmvec._library.__wrapped__() is None


def test_a_system_without_the_library_has_no_functions(monkeypatch):
    monkeypatch.setattr(libmvec, "LIBRARY", "libmvec-of-no-system.so")
    assert libmvec._library.__wrapped__() is None
    monkeypatch.setattr(libmvec, "_library", lambda: None)
    assert not libmvec.loaded()
    assert libmvec.found("exp", DOUBLE, 2) is None


def test_names_are_those_of_c():
    assert libmvec.c_name("arctan2", DOUBLE) == "atan2"
    assert libmvec.c_name("power", np.dtype(np.float32)) == "powf"
    assert libmvec.c_name("erf", DOUBLE) == "erf"
