"""Do kernels pass their tests where Numba simulates the GPU, in a process of its own?"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("cuda_simulated", 150),
        ("cuda_simulated_arrays", 45),
        ("cuda_simulated_looped", 680),
        ("cuda_simulated_moving", 370),
        ("cuda_simulated_segments", 670),
    ],
)
def test_kernels_are_right_in_the_simulator(name, least):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", str(HERE / f"{name}.py")]
    found = subprocess.run(
        command, env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}, capture_output=True, text=True, cwd=HERE.parent
    )
    assert found.returncode == 0, found.stdout[-5000:] + found.stderr[-2000:]
    assert int(re.search(r"(\d+) passed", found.stdout)[1]) >= least
    assert "skipped" not in found.stdout
