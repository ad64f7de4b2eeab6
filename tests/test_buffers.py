"""Is memory used again when nothing refers to it, and never before?"""

import copy
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

import taylornb as tn
from taylornb import buffers, kernels

N = 40_000  # elements of which a plane is kept


@pytest.fixture
def pool(monkeypatch):
    """A pool of this test's own."""
    own = buffers.Pool(1 << 28)
    monkeypatch.setattr(buffers, "pool", lambda: own)
    return own


def address(array):
    planes = array._found.planes if isinstance(array, tn.TaylorArray) else array
    return kernels.address(planes)


# ---- what comes back ---------------------------------------------------------------------------------


def test_a_loop_alternates_between_two_blocks(pool):
    x, f = tn.variable(np.linspace(0, 1, N), 3), tn.fuse(lambda x: np.exp(x) * x)
    places = []
    for _ in range(8):
        y = f(x)  # the former result is there until this one is made
        places.append(address(y))
    assert len(set(places)) == 2
    assert places[:2] * 4 == places
    assert pool.reused == 6


def test_a_chain_of_operations_stays_in_few_blocks(pool):
    x = tn.variable(np.linspace(0, 1, N), 3)
    y = np.exp(x)
    before = pool.reused
    for _ in range(50):
        y = y * 0.5 + 0.25
    assert pool.reused >= before + 90
    assert pool.idle <= 8 * y._found.planes.nbytes


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.bool_])
def test_memory_starts_at_a_cache_line(pool, dtype):
    held = [buffers.empty((3, 100_000 + n), np.dtype(dtype)) for n in range(5)]
    assert all(address(a) % 64 == 0 for a in held)
    assert all(a.flags.c_contiguous and a.flags.aligned and a.flags.writeable and a.dtype == dtype for a in held)
    assert len({address(a) for a in held}) == 5


def test_near_sizes_share_a_block(pool):
    first = buffers.empty((4, 100_000), np.dtype(float))
    place = address(first)
    del first
    assert address(buffers.empty((4, 99_990), np.dtype(float))) == place
    assert pool.reused == 1


@pytest.mark.parametrize("size", [*range(buffers.LARGE, buffers.LARGE + 5), 10**6 + 1, 2**30 - 1, 2**30, 2**30 + 1, 10**12])
def test_rounding_adds_an_eighth_at_most(size):
    assert size <= buffers._rounded(size) <= size + max(size // 8, 4096)


def test_small_memory_is_left_to_numpy(pool):
    assert buffers.empty((10,), np.dtype(float)).base is None
    assert buffers.empty((buffers.LARGE // 8 - 1,), np.dtype(float)).base is None
    assert pool.idle == 0
    assert buffers.empty((0, 10**6), np.dtype(float)).shape == (0, 10**6)
    assert buffers.empty((10**5,), np.dtype(object)).dtype == object


# ---- what stays as long as something refers to it ----------------------------------------------------


HOLDERS = {
    "the series": lambda y: y,
    "its planes": lambda y: y._found.planes,
    "its value": lambda y: y.value,
    "its coefficients": lambda y: y.coeffs,
    "a coefficient": lambda y: y.coefficient(2),
    "one element": lambda y: y.coeffs[1:2, 5:6],
    "another type": lambda y: y.coeffs.view(np.int64),
    "a detached series": tn.detach,
    "a part of the series": lambda y: y[10:20],
    "a truncated series": lambda y: y.truncate(1),
    "a memoryview": lambda y: memoryview(y.value),
    "a flat iterator": lambda y: y.value.flat,
    "an array of ctypes": lambda y: np.ctypeslib.as_ctypes(y._found.planes),
    "DLPack": lambda y: np.from_dlpack(y._found.planes),
    "a broadcast series": lambda y: tn.broadcast_to(y, (2, N)),
    "a masked array": lambda y: np.ma.array(y.value, copy=False),
    "a cycle": lambda y: cycle(y),
}


def cycle(y):
    held = [y]
    held.append(held)
    return held


@pytest.mark.parametrize("holder", HOLDERS)
def test_memory_that_something_refers_to_is_not_given_away(holder, pool):
    x, f = tn.variable(np.linspace(0, 1, N), 3), tn.fuse(lambda x: np.exp(x) * x)
    y = f(x)
    expected, place, size = y.coeffs.tobytes(), address(y), y._found.planes.nbytes
    held = HOLDERS[holder](y)
    del y
    others = [f(x * (1 + n)) for n in range(4)]
    assert all(abs(address(other) - place) >= size for other in others)
    assert bytes((np.ctypeslib.ctypes.c_char * size).from_address(place)) == expected
    del held, others
    gc.collect()
    assert place in [address(a) for a in [f(x) for _ in range(6)]], "and it is used again afterwards"


def test_out_and_in_place_results_share_the_lease(pool):
    x, f = tn.variable(np.linspace(0, 1, N), 3), tn.fuse(lambda x: np.exp(x) * x)
    y = f(x)
    place = address(y)
    for n in range(4):
        assert f(x + n, out=y) is y
        assert address(y) == place
    y.detach_()
    assert address(f(x)) != place
    np.testing.assert_allclose(y.value, f(x + 3).value, rtol=1e-13)


def test_copies_are_their_own(pool):
    y = np.exp(tn.variable(np.linspace(0, 1, N), 3))
    for other in (y.copy(), copy.copy(y), copy.deepcopy(y)):
        assert not np.may_share_memory(other._found.planes, y._found.planes)
    planes = pickle.loads(pickle.dumps(y._found.planes))
    np.testing.assert_array_equal(planes, y._found.planes)
    assert planes.base is None or not isinstance(planes.base, buffers.Lease)
    with pytest.raises(ValueError, match="does not own its data"):
        buffers.empty((N,), np.dtype(float)).resize((2 * N,), refcheck=False)


# ---- bounds ------------------------------------------------------------------------------------------


def test_a_pool_keeps_no_more_than_its_limit(monkeypatch):
    own = buffers.Pool(3 << 20)
    monkeypatch.setattr(buffers, "pool", lambda: own)
    held = [buffers.empty((1 << 20,), np.dtype(bool)) for _ in range(6)]
    places = [address(a) for a in held]
    while held:
        del held[0]  # in the order they were made
        assert own.idle == sum(block.size for block in own.blocks) <= own.limit
    assert len(own.blocks) == 2
    assert address(buffers.empty((1 << 20,), np.dtype(bool))) == places[-1], "the block last used is the first to be used again"
    own.clear()
    assert (own.idle, len(own.blocks)) == (0, 0)
    own.give(buffers.Block(own.limit + 1))
    assert own.idle == 0, "larger than all it may keep"


@pytest.mark.parametrize(("given", "limit"), [("0", 0), (" 1000000 ", 1_000_000), ("", None)])
def test_the_environment_sets_the_limit(given, limit, monkeypatch):
    monkeypatch.setenv("TAYLORNB_POOL_BYTES", given)
    assert buffers._limit() == (buffers.memory() // 8 if limit is None else limit)


@pytest.mark.parametrize("given", ["-1", "1e9", "much"])
def test_the_limit_is_a_whole_number(given, monkeypatch):
    monkeypatch.setenv("TAYLORNB_POOL_BYTES", given)
    with pytest.raises(ValueError, match=f"environment variable TAYLORNB_POOL_BYTES must be a number of bytes, not '{given}'"):
        buffers._limit()


def test_a_process_without_a_pool():
    code = (
        "import numpy as np, taylornb as tn\n"
        "from taylornb import buffers\n"
        "x = tn.variable(np.linspace(0, 1, 100_000), 3)\n"
        "for _ in range(3): y = np.exp(x)\n"
        "assert (buffers.pool().limit, buffers.pool().idle, buffers.pool().reused) == (0, 0, 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TAYLORNB_POOL_BYTES": "0"}, check=True)


def test_the_memory_of_a_container_counts(monkeypatch, tmp_path):
    (tmp_path / "max").write_text("max\n")
    (tmp_path / "some").write_text("123456789\n")
    monkeypatch.setattr(buffers, "CONTAINER", tuple(str(tmp_path / name) for name in ("max", "some", "none")))
    assert buffers.memory.__wrapped__() == 123456789
    monkeypatch.setattr(buffers, "CONTAINER", ())
    assert buffers.memory.__wrapped__() > 123456789


def test_more_than_there_is(pool, monkeypatch):
    with pytest.raises(MemoryError, match=r"5 coefficients of 1,000,000,000,000 elements need 37,252.9 GiB, more than the"):
        buffers.empty((5, 10**6, 10**6), np.dtype(float))
    given = tn.broadcast_to(tn.variable(np.zeros(1), 4), (10**6, 10**6))
    with pytest.raises(MemoryError, match="lower the order or take fewer elements at a time"):
        tn.fuse(lambda x: x * x)(given)


def test_what_is_kept_goes_where_memory_is_short(pool, monkeypatch):
    del [buffers.empty((1 << 20,), np.dtype(bool))][:]
    assert pool.idle
    calls = []

    def short(size, dtype):
        calls.append(pool.idle)
        if len(calls) == 1:
            raise MemoryError
        return empty(size, dtype)

    empty = np.empty
    monkeypatch.setattr(buffers.np, "empty", short)
    made = buffers.empty((1 << 21,), np.dtype(bool))
    monkeypatch.undo()
    assert made.shape == (1 << 21,)
    assert calls[0] > 0
    assert calls[1:] == [0]


# ---- at any moment -----------------------------------------------------------------------------------


def test_a_collection_of_garbage_inside_the_pool(pool):
    """It may come while the pool counts, and give a block back."""

    class Collecting(int):
        def __eq__(self, other):
            gc.collect()
            return int(self) == int(other)

        __hash__ = int.__hash__

    gc.disable()
    try:
        for _ in range(3):
            cycle(buffers.empty((1 << 20,), np.dtype(bool)))
        buffers.empty((1 << 19,), np.dtype(bool))
        assert pool.take(Collecting(12345)) is None
        gc.collect()
    finally:
        gc.enable()
    assert pool.idle == sum(block.size for block in pool.blocks)
    assert not pool._busy


def test_threads_that_take_and_give(pool):
    wrong = []

    def hammer(mark):
        for n in range(300):
            a = buffers.empty(((1 << 18) + 4096 * (n % 3),), np.dtype(np.uint8))
            a[:] = mark
            b = buffers.empty((1 << 18,), np.dtype(np.uint8))
            b[:] = mark + 100
            if not ((a == mark).all() and (b == mark + 100).all()):
                wrong.append(n)

    workers = [threading.Thread(target=hammer, args=(mark,)) for mark in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong
    assert pool.idle == sum(block.size for block in pool.blocks) <= pool.limit
    assert pool.reused > 100


def test_one_pool_for_all_threads(monkeypatch):
    slow, found = threading.Event(), []
    monkeypatch.setattr(buffers, "memory", lambda: slow.wait(0.05) or 1 << 30)
    monkeypatch.setattr(buffers, "_one", None)
    workers = [threading.Thread(target=lambda: found.append(buffers.pool())) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(set(map(id, found))) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_fork_while_another_thread_holds_the_pool():
    own = buffers.pool()
    kept = buffers.empty((1 << 20,), np.dtype(bool))
    kept[:] = True
    with own._lock:  # as another thread of the parent would
        own.idle += 12345
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if not pid:
            signal.alarm(20)
            ok = own.idle == sum(block.size for block in own.blocks)
            made = buffers.empty((1 << 20,), np.dtype(bool))
            made[:] = False
            ok = ok and kept.all() and not made.any()
            del made
            os._exit(0 if ok else 1)
        own.idle -= 12345
    assert os.waitpid(pid, 0)[1] == 0
    assert kept.all()
