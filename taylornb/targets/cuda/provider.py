"""Which Numba for CUDA is installed, and what does it find: a GPU, the simulator, or nothing?

Nothing imports this module before CUDA is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from ...errors import UnsupportedError

INSTALL = 'python -m pip install "taylornb[cuda]"'


class Provider(NamedTuple):
    """A package that compiles Python for CUDA.

    Attributes:
        name: Its name and version.
        cuda: What stands for `cuda` in a kernel.
        simulated: Whether kernels run in Python, without a GPU (NUMBA_ENABLE_CUDASIM=1).
    """

    name: str
    cuda: Any
    simulated: bool


@lru_cache(maxsize=1)
def provider() -> Provider:
    """numba-cuda; without it numba-cuda-mlir; without both the target that Numba itself comes with.

    Raises:
        UnsupportedError: Where none of them can be imported; it says what to install.
    """
    reasons = []
    for package, module in PACKAGES:
        if package == "numba" or find_spec(package.replace("-", "_")):
            try:
                with _row_stack():
                    cuda = import_module(module)
            except (ImportError, AttributeError, OSError) as error:
                reasons.append(f"{package}: {error}")
                continue
            return Provider(_named(package), cuda, _is_simulated(cuda))
    raise UnsupportedError(f'target="cuda" needs Numba for CUDA; install it with {INSTALL} ({"; ".join(reasons)})')


PACKAGES = (("numba-cuda", "numba.cuda"), ("numba-cuda-mlir", "numba_cuda_mlir.cuda"), ("numba", "numba.cuda"))


@lru_cache(maxsize=1)
def available() -> Provider:
    """The package, where there is a GPU that it can use, or the simulator.

    Raises:
        UnsupportedError: Where there is none; it says what was found, and what to do.
    """
    found = provider()
    if not found.simulated and not found.cuda.is_available():
        raise UnsupportedError(
            f'target="cuda" needs an NVIDIA GPU, and {found.name} finds none here{_reason(found)}; run on a machine that has '
            f"one, with its driver and {INSTALL}, or without target="
        )
    return found


def described() -> str:
    """The package and the current GPU, in words."""
    try:
        found = provider()
    except UnsupportedError:
        return f"no package; {INSTALL}"
    if found.simulated:
        return f"{found.name}, simulator"
    if not found.cuda.is_available():
        return f"{found.name}, no GPU"
    name = found.cuda.get_current_device().name
    return f"{found.name}, {name.decode() if isinstance(name, bytes) else name}"


def _reason(found: Provider) -> str:
    error = getattr(found.cuda, "cuda_error", lambda: None)()
    return f" ({str(error).strip().splitlines()[0].strip(' :.')})" if error else ""


def _named(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


def _is_simulated(cuda: Any) -> bool:
    return "simulator" in getattr(getattr(cuda, "jit", None), "__module__", "")


@contextmanager
def _row_stack() -> Iterator[None]:
    """numba-cuda up to 0.30 asks NumPy for row_stack while it is imported, which NumPy 2.5 no longer has."""
    if hasattr(np, "row_stack"):
        yield
        return
    np.row_stack = np.vstack
    try:
        yield
    finally:
        del np.row_stack
