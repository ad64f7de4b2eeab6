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
    "broadcast_to": [{"shape": (2, *SHAPE)}],
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


# ---- views of what is out of date ---------------------------------------------------------------------------


def out_of_date(seed=0):
    """An array whose values were changed through another one."""
    u = dense(seed)
    value = u.detach()
    value[0] = 0.6
    return u


@pytest.mark.parametrize(("name", "options"), [(n, o) for n, op in registry.items() if op.public for o in OPTIONS.get(n, [{}])])
@pytest.mark.parametrize("position", range(3))
def test_an_operation_that_reads_coefficients_refuses_and_a_view_does_not(position, name, options):
    """By the operations' own declarations: a view is as much out of date as what it is a view of."""
    op = registry[name]
    if position >= op.arity:
        return
    u, args = out_of_date(), [dense(n + 1) for n in range(op.arity)]
    args[position] = u
    call = (lambda args: op(args, **options)) if name in TOGETHER else (lambda args: op(*args, **options))
    is_view = op.unread or (op.retains is not None and op.retains(BASIS, 0, *op.split((u,), options)[1]))
    if not is_view and not op.acts_by_value(position):
        with pytest.raises(tn.StaleError, match="were changed in place by"):
            call(args)
        return
    found, plain = call(args), call([u.detach() if n == position else arg for n, arg in enumerate(args)])
    if is_view and not op.answers:
        assert np.shares_memory(found.value, u.value)
        np.testing.assert_array_equal(found.value, plain.value)
        assert found.is_constant or is_refused(found)
    else:
        np.testing.assert_array_equal(getattr(found, "coeffs", found), getattr(plain, "coeffs", plain))


VIEWS = {
    "a slice": lambda u: u[1:, ::-1],
    "an element": lambda u: u[1, 2],
    "an axis more": lambda u: u[None],
    "all": lambda u: u[...],
    "iteration": lambda u: next(iter(u)),
    "reshape": lambda u: u.reshape(-1),
    "numpy.reshape": lambda u: np.reshape(u, (4, 3)),
    "numpy.broadcast_to": lambda u: np.broadcast_to(u, (2, *SHAPE)),
    "a view of a view": lambda u: tn.broadcast_to(u[1:].reshape(8)[2:4, None], (2, 5)),
    "truncate": lambda u: u.truncate(1),
    "detach": lambda u: u.detach("x"),
    "keep": lambda u: tn.keep(u, order=1),
}
COPIES = {
    "places": lambda u: u[[0, 1]],
    "a mask": lambda u: u[u.value > 0],
    "a shape for which elements are copied": lambda u: u[:, :3].reshape(-1),
    "what drops the value": lambda u: tn.nilpotent(u),
    "copy": lambda u: u.copy(),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_views_are_taken_of_what_is_out_of_date(view):
    u = out_of_date()
    assert np.shares_memory(view(u).value, u.value)
    np.testing.assert_array_equal(view(u).value, view(u.detach()).value)
    assert is_refused(view(u))
    early, fresh = view(u), dense(1)
    u[...] = fresh
    np.testing.assert_array_equal(early.coeffs, view(fresh).coeffs)


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_copies_are_not(copy):
    with pytest.raises(tn.StaleError, match="were changed in place by"):
        copy(out_of_date())


LOOKS = [
    "truncate",
    "reshape",
    "basis",
    "support",
    "is_constant",
    "shape",
    "ndim",
    "size",
    "dtype",
    "value",
    "detach",
    "detach_",
]
READS = ["coeffs", "gradient", "hessian", "copy", "sum", "mean", "round", "clip", "coefficient", "derivative"]
ARGUMENTS = {"truncate": (1,), "reshape": (-1,), "clip": (0, 1)}
KEYWORDS = {"coefficient": {"x": 1}, "derivative": {"x": 1}}


@pytest.mark.parametrize("name", [name for name in dir(tn.TaylorArray) if not name.startswith("_")])
def test_attributes_of_what_is_out_of_date(name):
    """Every one either looks at values and structure, or reads coefficients."""
    u = out_of_date()

    def look():
        found = getattr(u, name)
        return found(*ARGUMENTS.get(name, ()), **KEYWORDS.get(name, {})) if callable(found) else found

    if name in LOOKS:
        look()
    else:
        assert name in READS
        with pytest.raises(tn.StaleError, match="were changed in place by"):
            look()
