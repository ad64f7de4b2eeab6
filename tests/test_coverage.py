"""Is there no operation that the tests against the oracle leave out?"""

import choices
import numpy as np
import oracle
import oracle_series
import points

import taylornb as tn
from taylornb.rules import registry

# Operations that move elements, and ⊥ itself, have tests of their own and no Taylor coefficients to look up.
STRUCTURE = {name for name, op in registry.items() if op.kind == "structure"}
DETACHMENT = {"detach", "keep", "nilpotent", "graft", "box"}


def test_every_elementwise_operation_has_an_oracle():
    public = {name for name, op in registry.items() if op.public} - STRUCTURE - DETACHMENT
    known = {*oracle.NAMES, *oracle_series.BINARY, *choices.CHOICES, *choices.TRUTHS}
    assert public == known


def test_every_oracle_has_points():
    assert set(points.UNARY) == set(oracle.NAMES)
    assert set(points.BINARY) == set(oracle_series.BINARY)


def test_every_operation_has_a_name_in_the_package():
    assert all(callable(getattr(tn, name)) for name, op in registry.items() if op.public)


def test_numpy_s_functions_are_the_operations_of_the_same_name():
    x = tn.variable(np.array([0.3, 0.6]), order=3)
    for name in oracle.NAMES:
        if hasattr(np, name):
            at = x + 1 if name == "arccosh" else x
            np.testing.assert_array_equal(getattr(np, name)(at).coeffs, getattr(tn, name)(at).coeffs, err_msg=name)
    for name in oracle_series.BINARY:
        np.testing.assert_array_equal(getattr(np, name)(x, x + 1).coeffs, getattr(tn, name)(x, x + 1).coeffs, err_msg=name)
