"""Does target="cuda" say what is missing where it cannot run, and cost nothing where it is not asked for?"""

import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

import taylornb as tn
from taylornb.targets.cuda import provider


@tn.fuse
def square(x):
    return x * x


@pytest.fixture
def without_gpu(monkeypatch):
    """The package that is installed, on a machine without a GPU."""
    monkeypatch.setattr(provider.provider().cuda, "is_available", lambda: False)
    provider.available.cache_clear()
    yield
    provider.available.cache_clear()


def test_without_a_gpu_it_says_what_it_needs(without_gpu):
    message = 'target="cuda" needs an NVIDIA GPU, and '
    with pytest.raises(tn.UnsupportedError, match=message) as error:
        square.to_target("cuda")(np.ones(3))
    assert 'python -m pip install "taylornb[cuda]"' in str(error.value)
    assert "numba" in str(error.value)
    assert tn.info().cuda.endswith(", no GPU")


def test_without_a_package_it_says_what_to_install(monkeypatch):
    provider.provider.cache_clear()
    provider.available.cache_clear()
    monkeypatch.setattr(provider, "PACKAGES", (("numba", "numba.no_such_module"),))
    message = 'target="cuda" needs Numba for CUDA; install it with python -m pip install "taylornb[cuda]" (numba: No module'
    with pytest.raises(tn.UnsupportedError, match=re.escape(message)):
        square.to_target("cuda")(np.ones(3))
    assert tn.info().cuda == 'no package; python -m pip install "taylornb[cuda]"'
    provider.provider.cache_clear()


def test_numba_cuda_is_imported_beside_a_numpy_without_row_stack():
    code = (
        "import numpy as np\n"
        "from numba.np import arrayobj\n"  # Numba itself goes by the version of NumPy
        "if hasattr(np, 'row_stack'): del np.row_stack\n"
        "from taylornb.targets.cuda.provider import provider\n"
        "assert provider().cuda.jit\n"
        "assert not hasattr(np, 'row_stack')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_function_for_a_gpu_is_made_without_cuda():
    code = (
        "import sys, numpy as np, taylornb as tn\n"
        "f = tn.fuse(np.exp, target='cuda')\n"
        "assert 'cuda.grid' in f.source(tn.variable(np.ones(3), order=2))\n"
        "assert not [name for name in sys.modules if name.partition('.')[0] in ('numba', 'cuda', 'numba_cuda')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_another_target_is_the_same_function():
    other = square.to_target("reference")
    assert (other.target, other.function) == ("reference", square.function)
    assert square.to_target("cpu") is square
    assert other(tn.variable(3.0, order=2)).coeffs.tolist() == [9, 6, 1]


def test_a_function_on_another_target_is_pickled_with_it():
    other = pickle.loads(pickle.dumps(square.to_target("reference")))
    assert (other.target, other.function) == ("reference", square.function)


def test_forms_are_those_of_the_processor():
    message = "form='numba' is one of target=\"cpu\"; target=\"cuda\" has 'unrolled' and 'looped'"
    with pytest.raises(ValueError, match=re.escape(message)):
        tn.fuse(np.exp, target="cuda", form="numba")


def test_an_unknown_target_is_named():
    with pytest.raises(ValueError, match=re.escape("target must be one of 'cpu', 'cuda', 'reference', not 'gpu'")):
        square.to_target("gpu")


def test_launch_is_for_a_gpu():
    with pytest.raises(tn.UnsupportedError, match=re.escape("launch is for target=\"cuda\", and this is target='cpu'")):
        square.launch[1, 2](np.ones(3))
