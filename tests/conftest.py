"""What every test starts from."""

import os
import tempfile

import numpy as np
import pytest

# A cache of compiled code that this run alone uses, for the processes it starts too.
_cache = tempfile.TemporaryDirectory(prefix="taylornb-tests-", ignore_cleanup_errors=True)
os.environ["TAYLORNB_CACHE_DIR"] = _cache.name


@pytest.fixture
def rng():
    """Random numbers that are the same in every run."""
    return np.random.default_rng(20240229)


@pytest.fixture(autouse=True)
def namespace(doctest_namespace):
    """What docstring examples may use without importing it."""
    doctest_namespace["np"] = np
