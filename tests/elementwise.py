"""Every elementwise operation as a function of series, and arguments of it that are well inside its domain."""

import numpy as np

import taylornb as tn
from taylornb.rules import registry

PARAMETERS = {"keep": {"order": 1}, "round": {"decimals": 1}}
MORE = {  # what has other programs than the operation of two series has
    "power of a number": (lambda x: x**2.5, (0.7,)),
    "negative power": (lambda x: x**-3, (0.7,)),
    "small power": (lambda x: x ** (1 / 3), (0.7,)),
    "number to a power": (lambda x: 2.0**x, (0.7,)),
    "detached": (lambda x: np.exp(x - tn.detach(x)), (0.7,)),
    "truth as number": (lambda x: np.where(x > 0.6, x, 1) * (x < 0.5), (0.7,)),
}


def operation(name):
    """The operation, with its parameters fixed."""
    return lambda *args: registry[name](*args, **PARAMETERS.get(name, {}))


CASES = {
    name: (operation(name), op.at) for name, op in registry.items() if op.public and op.kind != "structure" and not op.answers
} | MORE


def arguments(at, order, dtype=np.float64, points=()):
    """Variables of one basis at these values, and a little beside them."""
    spread = np.linspace(-0.05, 0.05, *points) if points else 0.0
    names = "abc"[: len(at)]
    return tn.variables(order, **{name: (value + spread * np.ones(points)).astype(dtype) if points else dtype(value)
                                  for name, value in zip(names, at, strict=True)})  # fmt: skip
