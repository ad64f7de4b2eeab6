"""Do the workloads of the benchmarks compute what they are named for?"""

import itertools
import json
import subprocess
import sys
from math import factorial, prod
from pathlib import Path
from types import SimpleNamespace

import mpmath
import numpy as np
import pytest

import taylornb as tn
from bench import series, workloads
from bench.workloads import WORKLOADS

POINTS = 4
ORDERS = {"F5": 3}  # elsewhere 6; mixed derivatives by differences take long
RTOL = 1e-12

mp = mpmath.MPContext()
mp.dps = 40


class Frozen:
    """A library of mpmath numbers in which ⊥u is the value that u had at the base point, evaluated there first."""

    def __init__(self, workload, base):
        self.exp, self.sin, self.tanh, self.log, self.sqrt = mp.exp, mp.sin, mp.tanh, mp.log, mp.sqrt
        self.kept = []
        self.detach = self._keep
        workload.function(self, *base)
        self.detach = lambda u: next(self.turn)

    def _keep(self, u):
        self.kept.append(u)
        return u

    def __call__(self, workload, arguments):
        self.turn = iter(self.kept)
        return workload.function(self, *arguments)


def polynomial(coefficients, t):
    total = mp.mpf(0)
    for coefficient in reversed(coefficients):
        total = total * t + coefficient
    return total


def in_one_variable(workload, polynomials, order):
    """c₀ to c_order along t, each argument a polynomial of t with coefficients in ascending order."""
    lib = Frozen(workload, [coefficients[0] for coefficients in polynomials])
    return mp.taylor(lambda t: lib(workload, [polynomial(c, t) for c in polynomials]), 0, order)


def in_several_variables(workload, base, exponents):
    """∂^α/α! for each α of exponents."""
    lib = Frozen(workload, base)
    scale = [mp.mpf(prod(factorial(int(k)) for k in powers)) for powers in exponents]
    found = [mp.diff(lambda *at: lib(workload, at), tuple(base), tuple(map(int, powers))) for powers in exponents]
    return [derivative / by for derivative, by in zip(found, scale, strict=True)]


def exact(workload, arguments, basis, element):
    """The coefficients at one element, from mpmath."""
    numbers = [[mp.mpf(float(c)) for c in argument.coeffs[:, element]] for argument in arguments]
    if len(basis.variables) == 1:
        return in_one_variable(workload, numbers, basis.order)
    return in_several_variables(workload, [coefficients[0] for coefficients in numbers], basis.exponents)


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_is_its_function(name):
    workload = WORKLOADS[name]
    arguments = series.arguments(workload, ORDERS.get(name, 6), POINTS)
    found = series.program(workload, "reference")(*arguments)
    for element in range(POINTS):
        expected = np.array([float(c) for c in exact(workload, arguments, found.basis, element)])
        floor = 1e-14 * np.abs(expected).max()
        np.testing.assert_allclose(found.coeffs[:, element], expected, rtol=RTOL, atol=floor)


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_runs_on_plain_arrays(name):
    workload = WORKLOADS[name]
    lib = SimpleNamespace(exp=np.exp, sin=np.sin, tanh=np.tanh, log=np.log, sqrt=np.sqrt, detach=lambda u: u)
    values = workload.values(POINTS)
    found = series.program(workload, "reference")(*series.arguments(workload, 2, POINTS))
    np.testing.assert_allclose(workload.function(lib, *values), found.value, rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", WORKLOADS)
def test_inputs_are_fixed_and_within_bounds(name, dtype):
    workload = WORKLOADS[name]
    values = workload.values(1000, dtype)
    assert len(values) == len(workload.arguments)
    for few, many in zip(workload.values(10, dtype), values, strict=True):
        assert many.dtype == dtype
        np.testing.assert_array_equal(few, many[:10])
        assert workload.interval[0] <= many.min() < many.max() <= workload.interval[1]
    assert all(a.dtype == dtype for a in series.arguments(workload, 2, POINTS, dtype))


def test_dense_inputs_are_full_and_all_different():
    a, b = WORKLOADS["F7"].coefficients(8, 1000)
    assert a.shape == b.shape == (9, 1000)
    assert np.all(np.abs(np.stack([a, b])[:, 1:]) <= 0.5 ** np.arange(1, 9)[:, None])
    rows = np.concatenate([a, b])
    assert all(not np.allclose(p, q) for p, q in itertools.combinations(rows, 2))


def test_half_of_f9_is_detached():
    calls = []
    x = tn.variable(0.5, order=2)
    lib = SimpleNamespace(**{name: getattr(tn, name) for name in tn.operations})
    lib.detach = lambda u: calls.append(u) or tn.detach(u)
    WORKLOADS["F9"].function(lib, x)
    assert len(calls) == 4
    assert not any(u.is_constant for u in calls)


def test_names_summaries_and_orders():
    assert list(WORKLOADS) == [f"F{i}" for i in range(1, 10)]
    assert all(workload.name == name and workload.summary for name, workload in WORKLOADS.items())
    assert WORKLOADS["F1"].orders == (1, 2, 4, 8, 16, 32)
    assert WORKLOADS["F5"].orders == (2, 4, 6)
    assert WORKLOADS["F5"].chosen((4, 8)) == (4,)
    assert WORKLOADS["F5"].variables == ("x", "y", "z")
    assert WORKLOADS["F7"].variables == ("t",)


def test_the_page_lists_every_workload():
    page = (Path(workloads.__file__).parent / "README.md").read_text(encoding="utf-8").lower()
    for name, workload in WORKLOADS.items():
        summary = workload.summary.rstrip(".").removesuffix(", in three variables")
        assert f"| {name} | {summary} | {len(workload.variables)} |".lower() in page


def test_the_runner_measures_checks_and_prints(tmp_path):
    """A few cells, without peers but for C where there is a compiler; times themselves are not judged."""
    options = ["--workloads", "F1,F7", "--orders", "2", "--points", "1000", "--threads", "1", "--seconds", "0.01", "--only"]
    command = [sys.executable, "-m", "bench.run", *options, "throughput", "--peers", "c", "--json", str(tmp_path / "run.json")]
    root = Path(workloads.__file__).parent.parent
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    record = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    for cell in record["cells"]:
        ours = [one for one in cell["contenders"] if one["contender"].startswith("taylornb")]
        assert len(ours) == 3
        assert all(one["error"] < 1e-13 for one in ours)
    assert len(record["cells"]) == 2
    assert "## Checked before timing" in found.stdout
