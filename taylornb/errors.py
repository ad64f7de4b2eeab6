"""Which errors taylornb raises: each says what was expected, what came, which argument, and what to do."""

from __future__ import annotations


class BasisError(ValueError):
    """Series over different bases met, or a basis cannot be built or addressed as asked."""


class TracingError(TypeError):
    """A function under `taylornb.fuse` asked for something that is not known while it is traced."""


class UnsupportedError(TypeError):
    """A dtype, a NumPy function or a keyword that taylornb does not take."""


class StaleError(RuntimeError):
    """Coefficients were asked for that belong to values which were changed in place through another array."""
