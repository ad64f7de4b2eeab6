"""Which ways are there, on this machine, to evaluate an elementary function on vectors?"""

from functools import partial
from typing import NamedTuple

import numpy as np
from lanes import over_arrays
from ulp import ONE, ROWS

from taylornb.targets.llvm import functions
from taylornb.targets.llvm.machine import host


class Path(NamedTuple):
    """A way: the bytes of its vectors, and the functions it has for a dtype, as name → builder."""

    width: int
    functions: object


def functions_of(dtype, width, chosen, way):
    """The functions that kernels compute this way, when this path is chosen."""
    lanes = width // np.dtype(dtype).itemsize
    if width > host().width:
        return {}
    names = [name for name in ROWS if functions.way_of(name, np.dtype(dtype), lanes, chosen) == way]
    return {name: functions.elementary(name, np.dtype(dtype), lanes, chosen) for name in names}


def path(width, chosen, way):
    return Path(width, partial(functions_of, width=width, chosen=chosen, way=way))


PATHS = {
    **{f"libmvec, {8 * width} bits": path(width, "libmvec", "libmvec") for width in (16, 32, 64)},
    "tables in registers": path(host().width, "auto", "tables"),
    "branch-free": path(host().width, "inline", "inline"),
    "scalar": path(host().width, "off", "scalar"),
}


def evaluator(path, name, dtype):
    """A function of arrays, or None where the path lacks the function."""
    builder = PATHS[path].functions(dtype).get(name)
    lanes = PATHS[path].width // np.dtype(dtype).itemsize
    return builder and over_arrays(builder, dtype, 1 if name in ONE else 2, lanes)
