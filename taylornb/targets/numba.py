"""The Python text of a program, compiled by Numba for the processor this runs on.

Nothing imports this module before it is needed: importing Numba takes longer than all else that the package needs.
"""

from __future__ import annotations

import linecache
import math
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from .. import libm

SCOPE = {
    "np": np,
    "math": math,
    "f8": np.float64,
    "f4": np.float32,
    "gammaln": libm.gammaln,
    "digamma": libm.digamma,
    "scaled_zeta": libm.scaled_zeta,
    "sech2": libm.sech2,
    "remainder": libm.remainder,
}


def compiled(text: str, arrays: Sequence[tuple[str, int]], inputs: int) -> Any:
    """The kernel as a function of contiguous arrays; it releases the interpreter while it runs.

    Args:
        text: Its source.
        arrays: The dtype and the number of axes of each argument.
        inputs: How many of them are inputs, which are read-only.
    """
    signature = [
        numba.types.Array(numba.from_dtype(np.dtype(dtype)), axes, "C", readonly=n < inputs)
        for n, (dtype, axes) in enumerate(arrays)
    ]
    name = f"<taylornb kernel {sha256(text.encode()).hexdigest()[:16]}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    scope = {**SCOPE, "__name__": "taylornb.generated"}
    exec(compile(text, name, "exec"), scope)  # a text of our own making: numbers, and names from the tables above
    return numba.njit(numba.void(*signature), nogil=True, error_model="numpy", fastmath={"contract"})(scope["kernel"])


for function in libm.FUNCTIONS:
    register_jitable(function)
