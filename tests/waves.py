"""F1 on the processor and on a GPU, for the tests that need one."""

import numpy as np

import taylornb as tn

POINTS = np.linspace(-1, 1, 1000)


def f1(x):
    return np.exp(np.sin(x)) * x / (1 + x * x)


on_gpu, on_cpu = tn.fuse(f1, target="cuda"), tn.fuse(f1)
doubled = tn.fuse(lambda x: 2 * x, target="cuda")


def same(got, points, order):
    """Whether the coefficients of F1 are those of the processor."""
    np.testing.assert_allclose(got, on_cpu(tn.variable(points, order=order)).coeffs, rtol=1e-12, atol=1e-15)
