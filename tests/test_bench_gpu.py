"""Is the time that is predicted for a GPU that of the bytes or of the operations, and is there one for every workload?"""

import subprocess
import sys

import numpy as np
import pytest

import taylornb as tn
from bench import gpu, series
from bench.workloads import WORKLOADS

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


def test_without_a_gpu_it_says_what_it_needs():
    found = subprocess.run([sys.executable, "-m", "bench.gpu"], capture_output=True, text=True)
    if found.returncode:
        assert 'target="cuda" needs an NVIDIA GPU' in found.stderr
