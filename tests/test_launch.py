"""Does an element's result depend on its own inputs alone: not on neighbours, place, length, layout, chunks or threads?"""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from programs import programs, repeatable, series, surface
from sharing import share_everything

import taylornb as tn
from taylornb import buffers, crew, forms, kernels, launch, layout
from taylornb.operand import operand
from taylornb.program import NO_COST
from taylornb.targets import reference

VARIABLES = ("x", "y")
DTYPES = (np.float64, np.float32)
SPECIAL = (np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-40, 0.0, -0.0)  # huge and tiny even for float32
MANY = 4000  # elements: many vectors, and several chunks


def gauss(x):
    """F1 of the benchmarks: exp(sin x)·x/(1 + x²)."""
    return np.exp(np.sin(x)) * x / (1 + x**2)


def mixture(x):
    """Choices, powers and hyperbolic functions."""
    return tn.where(x > 0.5, np.tanh(x) * x, np.abs(x) ** 1.5 + (2 + np.sin(x)) ** 0.7)


def two(x, y):
    """Of two variables."""
    return np.exp(np.tanh(x) * y) + np.sqrt(x * x + y * y) / (2 + np.cos(y))


CASES = [
    *((gauss, 1, order) for order in (0, 1, 4, 8)),
    *((mixture, 1, order) for order in (0, 3, 6)),
    *((two, 2, order) for order in (0, 1, 3)),
]
cases = pytest.mark.parametrize(("function", "count", "order"), CASES, ids=lambda value: getattr(value, "__name__", value))
machine_code = pytest.mark.parametrize("form", ["unrolled", "looped"])
dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)


def coefficients(count, order, dtype, n, seed=0):
    """For each argument coefficients (rows, n), some elements of which are special."""
    rng = np.random.default_rng(seed)
    basis = tn.Basis(VARIABLES[:count], order)
    made = rng.normal(size=(count, basis.size, n)).astype(dtype)
    special = rng.random(made.shape) < 0.02
    made[special] = rng.choice(np.array(SPECIAL, dtype=np.float64), special.sum()).astype(dtype)
    return list(made)


def compiled(function, count, order, form):
    """The function of coefficients, compiled; its result as bits."""
    basis, fused = tn.Basis(VARIABLES[:count], order), tn.fuse(function, form=form)
    return lambda arrays: bits(fused(*(tn.from_coefficients(a, basis) for a in arrays)))


def bits(result):
    """The coefficients as whole numbers, in which NaN equals itself and 0 differs from −0."""
    coeffs = np.ascontiguousarray(result.coeffs)
    return coeffs.view(f"u{coeffs.itemsize}")


def at(places, arrays):
    return [np.ascontiguousarray(a[:, places]) for a in arrays]


@dtypes
@machine_code
@cases
def test_an_elements_bits_do_not_depend_on_place_length_or_neighbours(function, count, order, form, dtype):
    run, arrays = compiled(function, count, order, form), coefficients(count, order, dtype, MANY)
    whole = run(arrays)
    rng = np.random.default_rng(1)
    permuted = rng.permutation(MANY)
    np.testing.assert_array_equal(run(at(permuted, arrays)), whole[:, permuted])
    for n in (*range(1, 41), 127, 1000, 1001):
        start = rng.integers(MANY - n)
        ways = [rng.choice(MANY, n), slice(start, start + n)]  # other neighbours, in no order; and the same
        for places in ways if n > 40 else ways[n % 2 :][:1]:
            np.testing.assert_array_equal(run(at(places, arrays)), whole[:, places], err_msg=f"{n} elements")


@dtypes
@machine_code
def test_special_neighbours_leave_an_element_alone(form, dtype):
    run, arrays = compiled(gauss, 1, 4, form), coefficients(1, 4, dtype, 64, seed=2)
    arrays[0][:, 21] = 0.375
    alone = run(at([21], arrays))
    for value in SPECIAL:
        around = np.full_like(arrays[0], value)
        around[:, 21] = arrays[0][:, 21]
        np.testing.assert_array_equal(run([around])[:, 21], alone[:, 0], err_msg=f"among {value}")


@dtypes
@machine_code
@pytest.mark.parametrize(("function", "count", "order"), [CASES[2], CASES[5], CASES[8]], ids=["gauss", "mixture", "two"])
def test_bits_do_not_depend_on_threads_and_chunks(function, count, order, form, dtype, monkeypatch):
    share_everything(monkeypatch)
    run, n = compiled(function, count, order, form), 20_011
    arrays = coefficients(count, order, dtype, n, seed=3)
    with tn.threads(1):
        alone = run(arrays)
    for threads, chunks, multiple in ((2, 1, 64), (2, 4, 64), (3, 7, 1), (5, 50, 1), (16, 3, 8)):
        monkeypatch.setattr(kernels, "CHUNKS", chunks)
        monkeypatch.setattr(kernels, "MULTIPLE", multiple)
        with tn.threads(threads):
            np.testing.assert_array_equal(run(arrays), alone, err_msg=f"{threads} threads, {chunks} chunks each")


@dtypes
@machine_code
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((1,), (700,)),
        ((), (37,)),
        ((40, 1), (1, 70)),  # an inner axis that is looped over
        ((70, 1), (1, 5)),  # and one that is too short for that
        ((1, 41), (60, 1)),
        ((3, 1, 50), (1, 4, 1)),
        ((2, 1, 3, 1), (1, 4, 1, 40)),
        ((1, 6, 40), (5, 6, 1)),
        ((5, 1, 6, 1, 40), (1, 2, 1, 3, 1)),
    ],
    ids=str,
)
def test_broadcast_arguments_give_the_bits_of_full_ones(left, right, form, dtype, monkeypatch):
    share_everything(monkeypatch)
    basis, fused = tn.Basis(VARIABLES, 2), tn.fuse(lambda x, y: (two(x, y), x * x + y, x * 0.3 - y * x), form=form)
    rng = np.random.default_rng(4)
    small = [rng.normal(size=(basis.size, *shape)).astype(dtype) for shape in (left, right)]
    shape = np.broadcast_shapes(left, right)
    full = [a.reshape(basis.size, *(1,) * (len(shape) + 1 - a.ndim), *a.shape[1:]) for a in small]
    full = [np.ascontiguousarray(np.broadcast_to(a, (basis.size, *shape))) for a in full]
    expected = fused(*(tn.from_coefficients(a, basis) for a in full))
    for threads in (1, 3):
        with tn.threads(threads):
            found = fused(*(tn.from_coefficients(a, basis) for a in small))
        for one, other in zip(found, expected, strict=True):
            assert one.shape == shape
            np.testing.assert_array_equal(bits(one), bits(other))


LAYOUTS = {
    "every other": lambda x: x[::2],
    "backwards": lambda x: x[::-1],
    "a column": lambda x: np.reshape(x, (-1, 4))[:, 1],
    "a block": lambda x: np.reshape(x, (-1, 8))[3:, 2:7],
    "a new axis": lambda x: x[::3, None],
    "one of size 1": lambda x: np.reshape(x, (1, -1, 1))[:, 5:],
    "repeated": lambda x: tn.broadcast_to(np.reshape(x, (-1, 1)), (160, 3)),
    "nothing": lambda x: x[:0],
    "no axes": lambda x: x[7],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("form", "dtype"), [*((form, dtype) for form in ("unrolled", "looped") for dtype in DTYPES), ("numba", float)]
)
def test_views_are_what_copies_are(form, layout, dtype):
    basis = tn.Basis(("x",), 3)
    x = tn.from_coefficients(coefficients(1, 3, dtype, 160, seed=5)[0], basis)
    view = LAYOUTS[layout](tn.keep(x, order=1))  # fewer rows are in use than there are
    fused = tn.fuse(lambda u, v: (gauss(u), u * v), form=form)
    for one, other in zip(fused(view, 2.0), fused(view.copy(), 2.0), strict=True):
        assert one.shape == view.shape
        np.testing.assert_array_equal(bits(one), bits(other))


@pytest.mark.parametrize("form", ["unrolled", "looped", "numba", "reference"])
def test_plain_arrays_of_every_layout_and_kind(form):
    fused = tn.fuse(lambda a, b, m: (tn.where(m, a, b) * 2, a > b, m), form=form)
    a = np.asfortranarray(np.arange(105.0).reshape(7, 15))
    b = np.arange(210, dtype=np.float32).reshape(15, 14)[:, ::2].T
    m = np.frombuffer(bytes(n % 3 for n in range(105)), dtype=bool).reshape(7, 15)  # a true byte can be 2
    chosen, above, mask = fused(a, b, m)
    np.testing.assert_array_equal(chosen, np.where(m, a, b) * 2)
    np.testing.assert_array_equal(above, a > b)
    np.testing.assert_array_equal(mask, m)
    assert (chosen.dtype, above.dtype) == (np.float64, bool)


def test_arrays_at_odd_addresses_are_copied_first():
    odd = np.zeros(8 * 100 + 1, np.uint8)[1:].view(np.float64)
    odd[:] = np.linspace(0, 1, 100)
    assert not odd.flags.aligned
    assert operand(odd).planes.flags.aligned
    np.testing.assert_array_equal(tn.fuse(gauss)(odd), tn.fuse(gauss)(odd.copy()))


def test_other_byte_orders():
    x = np.linspace(0, 1, 50)
    np.testing.assert_array_equal(tn.fuse(gauss)(x.astype(x.dtype.newbyteorder())), tn.fuse(gauss)(x))


def test_a_kernel_writes_to_its_outputs_alone(monkeypatch):
    share_everything(monkeypatch)
    fused = tn.fuse(lambda x: (np.exp(x), np.sin(x) > 0.5))
    for n in (1, 7, 8, 63, 64, 65, 1000):
        x = tn.from_coefficients(np.linspace(-1, 1, 3 * n).reshape(3, n), tn.Basis(("x",), 2))
        here, series = slice(16, 16 + n), tn.from_coefficients(np.full((5, n + 32), 7.0), tn.Basis(("x",), 4))
        mask = np.full((3, n + 32), True)
        with tn.threads(2):
            out, _ = fused(x, out=(series.truncate(2)[here], mask[1, here]))
        expected = np.full((5, n + 32), 7.0)
        expected[:3, here] = fused(x)[0].coeffs
        np.testing.assert_array_equal(series._found.planes, expected)  # whose degrees 3 and 4 are out of date now
        np.testing.assert_array_equal(out.coeffs, expected[:3, here])
        mask[1, here] = True
        assert mask.all()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mprotect is called as Linux has it")
def test_a_kernel_reads_and_writes_no_byte_beside_its_arrays():
    """The pages before and after the arrays cannot be touched."""
    code = """
import ctypes, itertools, mmap
import numpy as np, taylornb as tn

PAGE = mmap.PAGESIZE
maps = []

def guarded(n, dtype, at_end):
    size, maps[len(maps):] = n * np.dtype(dtype).itemsize, [mmap.mmap(-1, 3 * PAGE)]
    whole = np.frombuffer(maps[-1], np.uint8)
    for page in (0, 2):
        assert not ctypes.CDLL(None).mprotect(ctypes.c_void_p(whole.ctypes.data + page * PAGE), PAGE, 0)
    start = 2 * PAGE - size if at_end else PAGE
    return whole[start : start + size].view(dtype)

def function(x, y, m):
    return tn.where(m, np.exp(x) * y, x), x > y

for f, n in itertools.product((tn.fuse(function), tn.fuse(function, form="looped")), (1, 3, 7, 8, 9, 16, 61, 500)):
    for at_end in (True, False):
        for float_ in (np.float64, np.float32):
            x, y, m, out, above = (guarded(n, dtype, at_end) for dtype in (float_, float_, bool, float_, bool))
            x[:], y[:], m[:] = np.linspace(0, 1, n), 0.5, np.arange(n) % 2
            f(x, y, m, out=(out, above))
            assert np.array_equal(out, f(x.copy(), y.copy(), m.copy())[0]) and np.array_equal(above, x > y)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_results_of_different_shapes_come_from_one_call():
    basis = tn.Basis(VARIABLES, 2)
    rng = np.random.default_rng(6)
    x, y = (tn.from_coefficients(rng.normal(size=(basis.size, *shape)), basis) for shape in ((50, 1), (60,)))
    first, second, both, none = tn.fuse(lambda x, y: (np.exp(x), y * y, x * y, x[:0] * 2))(x, y)
    assert (first.shape, second.shape, both.shape, none.shape) == ((50, 1), (60,), (50, 60), (0, 1))
    np.testing.assert_allclose(both.coeffs, (x * y).coeffs, rtol=1e-12, atol=1e-12)


# ---- how much is done at once ------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 1000, 12_345])
@pytest.mark.parametrize("others", [1, 6])
@pytest.mark.parametrize("multiple", [1, 64])
def test_chunks_are_of_whole_cache_lines_and_few_for_each_thread(length, others, multiple, monkeypatch):
    monkeypatch.setattr(kernels, "MULTIPLE", multiple)
    chunk = kernels.chunk(length, others, within=True)
    assert chunk > 0
    assert chunk % multiple == 0
    assert -(-length // chunk) <= (1 + others) * kernels.CHUNKS


def test_a_kernel_takes_threads_by_its_work(monkeypatch):
    taken = []
    monkeypatch.setattr(crew, "share", lambda plan, others, work, arrays: taken.append(others))
    weight = forms.SHARED / 1000
    for threads, lengths in ((8, (1, 999, 1000, 3000, 10**12)), (1, (10**12,))):
        with tn.threads(threads):
            for n in lengths:
                kernel = kernels.Kernel(NOTHING, weight, 0)
                kernels.Call(kernel, layout.loops((n,), [layout.Layout((1, n), (0, 8), 8)])).run(np.empty(1))
    assert taken == [1, 3, 7], "and those of little work, or on one thread, run where they were called"


NOTHING = "define void @kernel(ptr %table, i64 %o0, i64 %o1, i64 %p0, i64 %p1) { ret void }"


# ---- sums --------------------------------------------------------------------------------------------


@dtypes
@pytest.mark.parametrize("reduce", [tn.sum, np.sum, np.mean], ids=["tn.sum", "np.sum", "np.mean"])
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2)])
def test_a_sum_is_one_tree_whatever_the_memory(reduce, axis, dtype, monkeypatch):
    values = np.random.default_rng(7).normal(size=(3, 40, 30, 20)) * 10.0 ** np.arange(20)
    basis = tn.Basis(("x",), 2)
    x = tn.from_coefficients(values.astype(dtype), basis)
    room = np.zeros((3, 20, 80, 30), dtype)
    room[:, :, ::2] = x.coeffs.transpose(0, 3, 1, 2)
    copy = tn.from_coefficients(np.ascontiguousarray(x.coeffs), basis)
    turned = _series(room[:, :, ::2].transpose(0, 2, 3, 1), basis)
    backwards = _series(np.ascontiguousarray(x.coeffs[:, ::-1, ::-1, ::-1])[:, ::-1, ::-1, ::-1], basis)
    expected = bits(reduce(x, axis=axis))
    share_everything(monkeypatch)
    fused = tn.fuse(lambda x: reduce(tn.exp(0 * x) * x, axis=axis))
    with tn.threads(1):
        alone = bits(fused(x))
    for other in (copy, turned, backwards):
        np.testing.assert_array_equal(other.coeffs, x.coeffs)
        np.testing.assert_array_equal(bits(reduce(other, axis=axis)), expected)
        with tn.threads(3):
            np.testing.assert_array_equal(bits(fused(other)), alone)


def _series(planes, basis):
    """A series over just this memory."""
    found = tn.from_coefficients(planes, basis)._found
    return tn.TaylorArray(type(found)(planes, found.spec))


# ---- the forms ---------------------------------------------------------------------------------------

FORMS = ("unrolled", "looped", "numba", "reference")


def agree(program, form):
    """Whether a form gives the series of the reference, within the accuracy of both."""
    arguments = list(series(tn, program, 0.01 * np.arange(10.0).reshape(2, 5)))
    found, expected = (tn.fuse(program.function(surface(tn)), form=way)(*arguments).coeffs for way in (form, "reference"))
    assert np.max(np.abs(found - expected) / np.maximum(1.0, np.abs(expected))) < 1e-12


@repeatable(12)
@given(program=programs(range(2, 7)))
def test_machine_code_gives_the_series_of_the_reference(program):
    agree(program, "unrolled")


@repeatable(12)
@given(program=programs(range(2, 7)))
def test_loops_give_the_series_of_the_reference(program):
    agree(program, "looped")


@repeatable(3)
@given(program=programs(range(3, 5), order=2))
def test_numba_gives_the_series_of_the_reference(program):
    agree(program, "numba")


@pytest.mark.parametrize("target", [None, "cpu"])
def test_a_form_can_be_chosen(target):
    x = tn.variable(np.linspace(0.1, 1, 20), 3)
    expected = gauss(x).coeffs
    for form in FORMS:
        fused = tn.fuse(gauss, form=form, **({"target": target} if target else {}))
        np.testing.assert_allclose(fused(x).coeffs, expected, rtol=1e-13)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"form": "rolled"}, r"form must be None or one of 'reference', 'unrolled', 'looped', 'numba', not 'rolled'"),
        ({"form": ""}, r"form must be None or one of .*, not ''"),
        ({"target": "gpu"}, r"target must be one of 'cpu', 'cuda', 'reference', not 'gpu'"),
        ({"target": "reference", "form": "numba"}, r"form='numba' is compiled, and target=\"reference\" has no compiler"),
        ({"target": "reference", "form": "unrolled"}, r"form='unrolled' is compiled"),
    ],
)
def test_forms_that_are_not_there_are_errors(options, text):
    with pytest.raises(ValueError, match=text):
        tn.fuse(gauss, **options)
    with pytest.raises(ValueError, match=text):
        tn.fuse(**options)(gauss)


def test_compiled_forms_hold_no_mpmath_numbers():
    mp = pytest.importorskip("mpmath")
    x = tn.variable(mp.mpf(1) / 3, order=2)
    for form in ("unrolled", "looped", "numba"):
        with pytest.raises(tn.UnsupportedError, match='mpmath numbers run on target="reference" only'):
            tn.fuse(gauss, form=form)(x)
    assert tn.fuse(gauss, target="reference", form="reference")(x).dtype == object


def test_the_choice_of_a_form_is_by_cost():
    prompt, fused, plain = (None, None), ("cpu", None), ("reference", None)
    cost = replace(NO_COST, statements=10)
    assert forms.chosen(cost, 10, prompt) == "reference"
    assert forms.chosen(cost, forms.PROMPT // 10, prompt) == "reference"
    assert forms.chosen(cost, forms.PROMPT // 10 + 1, prompt) == "unrolled"
    assert forms.chosen(replace(cost, functions=(("exp", 1),)), forms.PROMPT // 10, prompt) == "reference"
    assert forms.chosen(replace(cost, functions=(("gammaln", 1),)), forms.PROMPT // 10, prompt) == "unrolled"
    assert forms.chosen(cost, 10, fused) == "unrolled"
    assert forms.chosen(cost, 10**9, plain) == "reference"
    assert all(forms.chosen(cost, n, (None, form)) == form for n in (1, 10**9) for form in forms.FORMS)


def test_what_runs_in_python_for_each_element_is_known():
    """The choice knows every function that is neither NumPy's nor put together from a few of NumPy's."""
    of_numpy = {"madd", "msub", "literal", "sech2"}
    assert set(forms.IN_PYTHON) == {*reference.FUNCTIONS, *reference.CHAINS} - of_numpy


def test_shapes_that_do_not_broadcast_are_named():
    x, y = tn.variables(1, x=1.0, y=2.0)
    with pytest.raises(ValueError, match=r"the shapes of the elements do not broadcast together: \(3,\), \(4,\)"):
        tn.fuse(lambda x, y: x * y)(x * np.ones(3), y * np.ones(4))


@pytest.mark.parametrize("form", [None, "looped"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n", [5, 16, 64, 1000, 4096])
def test_results_that_go_past_the_caches_are_the_same_bits(n, dtype, form, monkeypatch):
    """And they do so only where each row starts at a cache line."""
    x, f = tn.variable(np.linspace(-2, 2, n, dtype=dtype), 5), lambda xs: (np.exp(np.sin(xs[0])) * xs[0], xs[0] > 0)
    near, asked = tn.fuse(f, form=form)([x]), []
    monkeypatch.setattr(launch, "streams", lambda size, rows: True)
    monkeypatch.setattr(launch, "kernel", lambda *args: asked.append(args[2]) or kernels.kernel(*args))
    for start in (0, 1):
        memory = buffers.leased((7 * n + 1,), np.dtype(dtype))[start : start + 6 * n].reshape(6, n)
        monkeypatch.setattr(
            buffers,
            "empty",
            lambda shape, dtype, room=memory: room if len(shape) == 2 and shape[0] == 6 else np.empty(shape, dtype),
        )
        launch._call.cache_clear()
        asked.clear()
        past = tn.fuse(f, form=form)([x])
        assert asked[0] == (start == 0 and n * np.dtype(dtype).itemsize % 64 == 0)
        np.testing.assert_array_equal(near[0].coeffs, past[0].coeffs)
        np.testing.assert_array_equal(near[1], past[1])


def test_a_small_result_of_much_input_that_goes_past_the_caches(monkeypatch):
    """It does not start at a cache line by itself."""
    monkeypatch.setattr(launch, "streams", lambda size, rows: True)
    f, many = tn.fuse(lambda x: tn.detach(x) * 2), [tn.variable(np.linspace(0, 1, 64), 3) for _ in range(20)]
    for x in many:
        for _ in range(3):
            np.testing.assert_array_equal(f(x).value, 2 * x.value)


def test_large_results_go_past_the_caches():
    for rows, size in ((forms.MANY - 1, forms.STREAM), (forms.MANY, forms.MANY_STREAM)):
        assert forms.streams(size, rows)
        assert not forms.streams(size - 1, rows)
