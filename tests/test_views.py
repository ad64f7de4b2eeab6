"""Does a write through one of several arrays over the same memory reach all, or is it refused; and are views alike?"""

import numpy as np
import pytest

import taylornb as tn
from taylornb.rules import registry

BASIS = tn.Basis(("x", "y"), 2)
OPERATIONS = {name: op for name, op in registry.items() if op.public and not op.answers}
SHAPE = (3, 4)


def dense(seed=0, shape=SHAPE):
    return tn.from_coefficients(np.random.default_rng(seed).uniform(0.5, 0.9, (BASIS.size, *shape)), BASIS)


def variable():
    return tn.variables(order=2, x=np.full(SHAPE, 0.7), y=1.0)[0]


def is_refused(u):
    """Whether its coefficients belong to values that are gone."""
    try:
        u.coeffs  # noqa: B018
    except tn.StaleError as error:
        assert "were changed in place by" in str(error)  # noqa: PT017
        return True
    return False


# ---- a write is seen ---------------------------------------------------------------------------------------

STARTS = {
    "dense": dense,
    "variable": variable,
    "constant": lambda: dense().detach(),
    "without a value": lambda: tn.nilpotent(dense()),
    "a variable without its value": lambda: tn.nilpotent(variable()),
    "nothing": lambda: tn.nilpotent(dense().detach()),
}
OPTIONS = {
    "keep": [{"order": 1}, {"degrees": {1}}, {"degrees": {0, 2}}, {"degrees": ()}],
    "sum": [{"axis": 0}],
    "mean": [{"axis": 0}],
    "reshape": [{"shape": (4, 3)}, {"shape": -1}],
}
TOGETHER = ("stack", "concatenate")
CASES = [
    (name, options)
    for name, op in OPERATIONS.items()
    if op.kind not in ("constant", "equation") and name != "broadcast_to"
    for options in OPTIONS.get(name, [{}])
]
FUSED = tn.fuse(lambda u: tn.nilpotent(u) + 1, target="reference")
WRITES = {
    "+=": lambda u: u.__iadd__(2),
    "*=": lambda u: u.__imul__(3),
    "elements": lambda u: u.__setitem__(0, 7.0),
    "elements of a series": lambda u: u.__setitem__(0, dense(4, u.shape)[0]),
    "a series": lambda u: u.__setitem__(..., dense(5, u.shape)),
    "nothing": lambda u: u.__setitem__(..., tn.nilpotent(dense(5, u.shape).detach())),
    "out= of a ufunc": lambda u: np.add(dense(6, u.shape), 1, out=u),
    "out= of a fused function": lambda u: FUSED(dense(6, u.shape), out=u),
}


def result(name, options, start):
    """The result of an operation on arrays that start so."""
    op, args = OPERATIONS[name], [STARTS[start]() for _ in OPERATIONS[name].at]
    return op(args, **options) if name in TOGETHER else op(*args, **options)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_result_and_its_views_see_what_is_written_to_either(name, options, start):
    """Also where its value is zero by structure: coefficients may be refused, and never are they those of before."""
    for write in WRITES.values():
        for who in range(3):
            one = result(name, options, start)
            arrays = view, value, _ = one[1:], one.detach(), one
            want = arrays[who].copy()
            write(want)
            write(arrays[who])
            np.testing.assert_array_equal(arrays[who].coeffs, want.coeffs)
            np.testing.assert_array_equal(view.value, one.value[1:])
            np.testing.assert_array_equal(value.value, one.value)
            if not any(one.is_constant or is_refused(one) for one in arrays[::2]):
                np.testing.assert_array_equal(view.coeffs, one.coeffs[:, 1:])
