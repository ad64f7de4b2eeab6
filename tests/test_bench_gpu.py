"""Is the time that is predicted for a GPU that of the bytes or of the operations, and is there one for every workload?"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import taylornb as tn
from bench import gpu, gpu_peers, series
from bench.peers import Case
from bench.workloads import WORKLOADS

ROOT = Path(__file__).parents[1]
SLOW_MEMORY = gpu.Device("of slow memory", bandwidth=1e12, multiply_adds=1e15)
SLOW_ARITHMETIC = gpu.Device("of slow arithmetic", bandwidth=1e15, multiply_adds=1e12, function=10)


def test_the_bytes_or_the_operations_take_the_longer():
    cost = tn.fuse(lambda x: np.exp(x) / (1 + x)).cost(tn.variable(np.ones(1), order=2))
    assert gpu.predicted(cost, SLOW_MEMORY) == pytest.approx(cost.bytes)
    assert gpu.predicted(cost, SLOW_ARITHMETIC) == pytest.approx(cost.multiply_adds + 10 * (cost.calls + cost.divisions))
    assert gpu.memory_bound(cost, SLOW_MEMORY)
    assert not gpu.memory_bound(cost, SLOW_ARITHMETIC)


@pytest.mark.parametrize(("name", "order"), [("F1", 8), ("F6", 16), ("F7", 2)])
def test_what_should_wait_for_the_memory_of_an_h200_does(name, order):
    workload = WORKLOADS[name]
    assert gpu.memory_bound(series.program(workload).cost(*series.arguments(workload, order, 1)), gpu.H200)


def test_every_workload_and_order_has_a_prediction():
    lines = [line for line in gpu.predictions(gpu.H200).splitlines() if line.startswith("| F")]
    assert len(lines) == sum(len(workload.orders) for workload in WORKLOADS.values())


@pytest.mark.parametrize("command", [["-m", "bench.gpu"], [str(Path(gpu.__file__))]], ids=["module", "path"])
def test_without_a_gpu_it_says_what_it_needs(command):
    found = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    if found.returncode:
        assert 'target="cuda" needs an NVIDIA GPU' in found.stderr


def test_the_table_says_what_is_possible_and_how_much_slower_others_are():
    line = gpu.Line("F1", 4, kernel=20.0, call=25.0, predicted=18.0, jet=100.0, torch="not there")
    page = gpu.page([line], SLOW_MEMORY, "10 elements")
    assert "of slow memory; 1.00 TB/s in a copy, 1000.0 float64 multiply-adds/ps; 10 elements" in page
    assert "| F1 | 4 | 20.0 | 90 % | 25.0 | 4.0 × a call | not there |" in page


def test_every_workload_is_measured_to_order_16():
    names = [(workload.name, order) for workload, order in gpu.cells()]
    assert len(names) == sum(order <= 16 for workload in WORKLOADS.values() for order in workload.orders)
    forms = {name: gpu.form(WORKLOADS[name[0]], name[1]) for name in names}
    assert {name: form for name, form in forms.items() if form} == dict.fromkeys([("F2", 16), ("F5", 6)], "segments")


def test_calls_by_the_clock_are_waited_for_together():
    log = []
    gpu_peers.by_the_clock(lambda: log.append("call") or len(log), lambda found: log.append(("wait", found)), 1)
    assert log[: gpu_peers.CALLS + 1] == ["call"] * gpu_peers.CALLS + [("wait", gpu_peers.CALLS)]


CASE = Case(WORKLOADS["F1"], 2, (1000,), 1, Path())


def rows(case, points):
    """A peer that has the coefficients."""
    x = case.workload.inputs(case.order, points)[0]
    return lambda: tn.fuse(lambda x: np.exp(np.sin(x)) * x / (1 + x * x))(tn.variable(x, order=2)).coeffs


def test_a_peer_is_checked_and_measured():
    found = gpu_peers.time(lambda case, points: (rows(case, points), lambda _: None, np.asarray), CASE, 1000, np.inf)
    assert found > 0


@pytest.mark.parametrize(
    ("start", "stop", "expected", "printed"),
    [
        (lambda case, points: "not there", np.inf, "not there", ""),
        (lambda case, points: 1 / 0, np.inf, "failed", "lambda>, F1-2-float64: division by zero"),
        (lambda case, points: (lambda: np.ones((3, 1000)), None, np.asarray), np.inf, "failed", "Not equal to tolerance"),
        (lambda case, points: 1 / 0, -np.inf, "no time", ""),
    ],
)
def test_a_peer_that_gives_nothing_says_why(capsys, start, stop, expected, printed):
    assert gpu_peers.time(start, CASE, 1000, stop) == expected
    assert printed in capsys.readouterr().err


def test_tests_and_benchmark_for_a_gpu_need_nothing_but_pytest():
    code = (
        "import sys\n"
        "missing = 'hypothesis', 'mpmath', 'scipy', 'matplotlib', 'torch', 'jax', 'cupy', 'heyoka'\n"
        "sys.modules.update(dict.fromkeys(missing))\n"
        "import bench.gpu, pytest\n"
        "assert bench.gpu.predictions(bench.gpu.H200)\n"
        "sys.exit(pytest.main(['-q', '-p', 'no:xdist', '--collect-only', '-m', 'gpu']))\n"
    )
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment)
    assert found.returncode == 0, found.stdout[-2000:] + found.stderr[-2000:]
