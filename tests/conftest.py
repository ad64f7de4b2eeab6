"""What every test starts from."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    """Random numbers that are the same in every run."""
    return np.random.default_rng(20240229)


@pytest.fixture(autouse=True)
def namespace(doctest_namespace):
    """What docstring examples may use without importing it."""
    doctest_namespace["np"] = np
