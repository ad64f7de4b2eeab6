"""Do kernels pass their tests where Numba simulates the GPU, in a process of its own?"""

import os
import re
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).with_name("cuda_simulated.py")


def test_kernels_are_right_in_the_simulator():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", str(TESTS)]
    found = subprocess.run(
        command, env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}, capture_output=True, text=True, cwd=TESTS.parents[1]
    )
    assert found.returncode == 0, found.stdout[-5000:] + found.stderr[-2000:]
    assert int(re.search(r"(\d+) passed", found.stdout)[1]) > 150
    assert "skipped" not in found.stdout
