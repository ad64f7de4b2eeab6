"""What do the operations give that only choose between arguments, cut them off, or look at their value?

Each is NumPy's function on the value plane, and a slope for each argument by which its other planes are multiplied.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Choice(NamedTuple):
    """The value as NumPy computes it, the slopes, and how the operation is called on series."""

    value: Callable
    slopes: Callable
    call: Callable = lambda f, *args: f(*args)


def flat(*args):
    """No argument's derivatives survive."""
    return tuple(np.zeros_like(a) for a in args)


def _first_if(chosen):
    return chosen * 1.0, ~chosen * 1.0


def _of_value(value):
    return Choice(value, flat)


LOW, HIGH = -0.5, 0.75  # of clip; both are among the values tested

CHOICES = {
    "negative": Choice(np.negative, lambda a: (-np.ones_like(a),)),
    "positive": Choice(np.positive, lambda a: (np.ones_like(a),)),
    "absolute": Choice(np.absolute, lambda a: (np.sign(a),)),
    "sign": _of_value(np.sign),
    "floor": _of_value(np.floor),
    "ceil": _of_value(np.ceil),
    "rint": _of_value(np.rint),
    "trunc": _of_value(np.trunc),
    "zeros_like": _of_value(np.zeros_like),
    "ones_like": _of_value(np.ones_like),
    "round": Choice(lambda a: np.round(a, 1), flat, lambda f, a: f(a, 1)),
    "clip": Choice(
        lambda a: np.clip(a, LOW, HIGH),
        lambda a: ((((a >= LOW) & (a <= HIGH)) | np.isnan(a)) * 1.0,),
        lambda f, a: f(a, LOW, HIGH),
    ),
    "where": Choice(lambda a, b: np.where(a > b, a, b), lambda a, b: _first_if(a > b), lambda f, a, b: f(a > b, a, b)),
    "maximum": Choice(np.maximum, lambda a, b: _first_if((a >= b) | np.isnan(a))),
    "minimum": Choice(np.minimum, lambda a, b: _first_if((a <= b) | np.isnan(a))),
    "fmax": Choice(np.fmax, lambda a, b: _first_if((a >= b) | np.isnan(b))),
    "fmin": Choice(np.fmin, lambda a, b: _first_if((a <= b) | np.isnan(b))),
    "heaviside": Choice(np.heaviside, lambda a, b: (np.zeros_like(a), (a == 0) * 1.0)),
    "copysign": Choice(np.copysign, lambda a, b: (np.sign(a) * np.copysign(1.0, b), np.zeros_like(b))),
    "remainder": Choice(np.remainder, lambda a, b: (np.ones_like(a), -np.floor(a / b))),
}

UNARY_TRUTHS = ("logical_not", "isnan", "isfinite", "isinf")
BINARY_TRUTHS = (
    *("greater", "greater_equal", "less", "less_equal", "equal", "not_equal"),
    *("logical_and", "logical_or", "logical_xor"),
)
TRUTHS = (*UNARY_TRUTHS, *BINARY_TRUTHS)
