"""What every test starts from."""

import os
import tempfile
from types import SimpleNamespace

import numpy as np
import pytest

# A cache of compiled code that this run alone uses, for the processes it starts too.
_cache = tempfile.TemporaryDirectory(prefix="taylornb-tests-", ignore_cleanup_errors=True)
os.environ["TAYLORNB_CACHE_DIR"] = _cache.name


def pytest_ignore_collect(collection_path, config):
    """With `-m gpu` only the files with such tests are read: a machine with a GPU need not have what the others import."""
    only_gpu = config.getoption("markexpr") == "gpu" and collection_path.suffix == ".py"
    return True if only_gpu and not collection_path.name.startswith(("test_gpu", "conftest")) else None


@pytest.fixture
def rng():
    """Random numbers that are the same in every run."""
    return np.random.default_rng(20240229)


@pytest.fixture(autouse=True)
def namespace(doctest_namespace):
    """What docstring examples may use without importing it."""
    doctest_namespace["np"] = np


# ---- where there is a GPU ----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def cuda():
    """Numba's module for a GPU that is there; without one the test is skipped."""
    from taylornb.errors import UnsupportedError
    from taylornb.targets.cuda.provider import available

    try:
        found = available()
    except UnsupportedError as error:
        pytest.skip(str(error))
    if found.simulated:
        pytest.skip("this is the simulator")
    return found.cuda


@pytest.fixture
def torch(cuda):
    """PyTorch that finds the GPU."""
    module = pytest.importorskip("torch")
    if not module.cuda.is_available():
        pytest.skip("this PyTorch finds no GPU")
    return module


@pytest.fixture
def jax(cuda):
    """Jax that finds the GPU, in double precision; it leaves memory to others."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    module = pytest.importorskip("jax")
    module.config.update("jax_enable_x64", True)
    if module.default_backend() != "gpu":
        pytest.skip("this jax finds no GPU")
    return module


@pytest.fixture(params=("numba", "cupy", "torch"))
def library(request, cuda):
    """A library that is there: how its arrays go to the device and come back, and what makes a stream of it."""
    if request.param == "numba":
        return SimpleNamespace(up=cuda.to_device, down=lambda array: array.copy_to_host(), stream=cuda.stream)
    if request.param == "torch":
        module = request.getfixturevalue("torch")
        up, down = (lambda array: module.from_numpy(np.array(array)).cuda()), (lambda tensor: tensor.cpu().numpy())
        return SimpleNamespace(up=up, down=down, stream=module.cuda.Stream)
    module = pytest.importorskip("cupy")
    return SimpleNamespace(up=module.asarray, down=module.asnumpy, stream=lambda: module.cuda.Stream(non_blocking=True))
