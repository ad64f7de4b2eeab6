"""Do kernels run on as many threads as was asked for, safely from many threads at once and across a fork?"""

import contextvars
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import numpy as np
import pytest

import taylornb as tn
from taylornb import evaluate, kernels

threads, fusing = import_module("taylornb.threads"), import_module("taylornb.fuse")  # whose names in the package are functions

SECONDS = 60  # after which a child counts as stuck
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")


def gauss(x):
    return np.exp(np.sin(x)) * x / (1 + x**2)


@pytest.fixture
def eager_to_share(monkeypatch):
    """Every kernel takes all the threads it may."""
    monkeypatch.setattr(kernels, "PARALLEL", 1.0)


# ---- how many ----------------------------------------------------------------------------------------


def test_threads_is_a_context():
    usual = threads.count()
    with tn.threads(3):
        assert threads.count() == 3
        with tn.threads(1):
            assert threads.count() == 1
        assert threads.count() == 3
        with pytest.raises(ZeroDivisionError), tn.threads(7):
            1 / 0  # noqa: B018
        assert threads.count() == 3
    assert threads.count() == usual
    with tn.threads(np.int64(2)):
        assert threads.count() == 2


def test_the_number_belongs_to_the_thread_that_set_it():
    seen, usual = [], threads.count()
    with tn.threads(usual + 5):
        thread = threading.Thread(target=lambda: seen.append(threads.count()))
        thread.start()
        thread.join()
        seen.append(contextvars.copy_context().run(threads.count))
    assert seen[1] == usual + 5
    assert seen[0] == usual or sys.flags.__dict__.get("thread_inherit_context") or sys.version_info >= (3, 14)


@pytest.mark.parametrize("n", [0, -1])
def test_less_than_one_thread_is_an_error(n):
    with pytest.raises(ValueError, match=f"tn.threads takes the number of threads, at least 1, not {n}"), tn.threads(n):
        pass


@pytest.mark.parametrize("n", [1.5, "2", None])
def test_a_number_of_threads_is_whole(n):
    with pytest.raises(TypeError), tn.threads(n):
        pass


@pytest.mark.parametrize(("given", "n"), [("3", 3), (" 1 ", 1), ("", None), (" ", None)])
def test_the_environment_sets_the_usual_number(given, n, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", given)
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert threads._default.__wrapped__() == (n or processors)


@pytest.mark.parametrize("given", ["0", "-2", "many", "1.5"])
def test_the_environment_holds_a_number_of_threads(given, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", given)
    with pytest.raises(ValueError, match=f"environment variable NUMBA_NUM_THREADS must be a number of threads, not '{given}'"):
        threads._default.__wrapped__()


def test_the_environment_of_a_process():
    code = "import taylornb, sys; print(sys.modules['taylornb.threads'].count())"
    environment = {**os.environ, "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


# ---- chunks ------------------------------------------------------------------------------------------


def test_chunks_are_shared_among_threads():
    barrier, by = threading.Barrier(4), {}

    def work(start, stop):
        barrier.wait(SECONDS)  # passes only where four threads work at once
        by[start] = threading.get_ident()

    threads.share(work, [(n, n + 1) for n in range(4)], 4)
    assert len(by) == len(set(by.values())) == 4
    assert threading.get_ident() in by.values(), "the calling thread is one of them"


@pytest.mark.parametrize("failing", [0, 3, 19])
def test_an_error_in_a_thread_arrives_and_stops_the_rest(failing):
    done = []

    def work(start, stop):
        if start == failing:
            raise RuntimeError(f"in chunk {start}")
        done.append(start)
        time.sleep(0.002)

    with pytest.raises(RuntimeError, match=f"in chunk {failing}"):
        threads.share(work, [(n, n + 1) for n in range(20)], 3)
    assert len(done) == len(set(done)) < failing + 4, "what was not begun is left out"
    time.sleep(0.01)
    assert len(done) < failing + 4, "and nothing goes on after the error arrived"


def test_the_call_returns_when_all_chunks_are_done():
    done = []

    def work(start, stop):
        if threading.current_thread() is not caller:
            time.sleep(0.05)
        done.append(start)

    caller = threading.current_thread()
    for _ in range(5):
        done.clear()
        threads.share(work, [(n, n + 1) for n in range(8)], 4)
        assert sorted(done) == list(range(8))


def test_a_busy_pool_is_not_waited_for():
    """The caller does the work itself where all other threads are at work for others."""
    release, started = threading.Event(), threading.Semaphore(0)
    pool = threads._crew.pool(2)
    for _ in range(pool._max_workers):
        pool.submit(lambda: (started.release(), release.wait(SECONDS)))
    for _ in range(pool._max_workers):
        started.acquire(timeout=SECONDS)
    done = []
    threads.share(lambda start, stop: done.append(start), [(n, n + 1) for n in range(9)], 2)
    release.set()
    assert done == list(range(9))


def test_a_finished_job_holds_no_arrays():
    """Not even while it waits in the queue of a busy pool."""

    class Held:
        pass

    release, held = threading.Event(), Held()
    pool, alive = threads._crew.pool(1), []
    for _ in range(pool._max_workers):
        pool.submit(release.wait, SECONDS)
    threads.share(lambda start, stop, held=held: None, [(0, 1)], 2)
    alive.append(sys.getrefcount(held))
    release.set()
    assert alive == [2], "the variable here and the argument of getrefcount"


def test_where_no_thread_can_start_the_caller_does_all(monkeypatch):
    """At a limit of the system a thread fails to start after its task was queued: who takes that task is waited for, too."""
    crew = threads._Crew()
    monkeypatch.setattr(threads, "_crew", crew)
    pool = crew.pool(3)
    pool.submit(lambda: None).result()  # one thread is there

    def refuse(self):
        raise RuntimeError("can't start new thread")

    done = []

    def work(start, stop):
        if threading.current_thread() is not caller:
            time.sleep(0.05)
        done.append(start)

    caller = threading.current_thread()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    for _ in range(3):
        done.clear()
        threads.share(work, [(n, n + 1) for n in range(4)], 4)
        assert sorted(done) == list(range(4))
    monkeypatch.undo()
    pool.shutdown()


def test_an_interruption_waits_for_the_chunks_under_way():
    """Ctrl-C reaches the calling thread while another is still writing."""
    caller, going, written = threading.current_thread(), threading.Event(), []

    def work(start, stop):
        if threading.current_thread() is caller:
            going.wait(SECONDS)
            raise KeyboardInterrupt
        going.set()
        time.sleep(0.05)
        written.append(start)

    with pytest.raises(KeyboardInterrupt):
        threads.share(work, [(n, n + 1) for n in range(20)], 2)
    assert len(written) == 1


def test_a_kernel_that_was_interrupted_twice_writes_to_memory_that_is_there(eager_to_share, monkeypatch):
    """What runs in other threads holds the arrays: a second Ctrl-C leaves the wait for them."""
    given, works = np.ones(1000), []
    monkeypatch.setattr(threads, "share", lambda work, chunks, workers: works.append(work))
    with tn.threads(2):
        result = tn.fuse(gauss)(given)
    arrays = [weakref.ref(given), weakref.ref(result.base)]
    del given, result
    gc.collect()
    assert all(array() is not None for array in arrays)
    works.clear()
    gc.collect()
    assert all(array() is None for array in arrays)


# ---- many callers ------------------------------------------------------------------------------------


def test_calls_from_many_threads_at_once(eager_to_share):
    fused = [tn.fuse(lambda x, c=c: gauss(x) * (c + 0.640625)) for c in range(3)]
    inputs = [tn.variable(np.linspace(0.1, 2, n), 3) for n in (10, 1000, 30_000)]
    with tn.threads(1):
        expected = [[f(x).coeffs.copy() for x in inputs] for f in fused]
    wrong = []

    def call(seed):
        rng = np.random.default_rng(seed)
        with tn.threads(int(rng.integers(1, 6))):
            for _ in range(20):
                i, j = rng.integers(3, size=2)
                found = fused[i](inputs[j])
                if not np.array_equal(found.coeffs, expected[i][j]):
                    wrong.append((i, j))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(8)))
    assert not wrong


def test_many_threads_trace_and_compile_at_once():
    x = tn.variable(np.linspace(0.1, 2, 100), 2)
    made = [tn.fuse(lambda x, c=c: np.cos(x * (1 + c / 64)) + 0.953125) for c in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda f: f(x).coeffs, made))
    for c, one in enumerate(found):
        np.testing.assert_allclose(one, (np.cos(x * (1 + c / 64)) + 0.953125).coeffs, rtol=1e-13)


SLOW = {"tracing": (fusing.Traced, "__init__"), "writing": (evaluate, "write"), "compiling": (kernels.machine, "object_code")}


@pytest.mark.parametrize("busy", SLOW)
def test_a_call_of_what_is_compiled_does_not_wait_for_a_thread_that_is(busy, monkeypatch):
    x, started, release, done = (
        tn.variable(np.linspace(0.1, 2, 100), 2),
        threading.Event(),
        threading.Event(),
        threading.Event(),
    )
    fused, (owner, name) = tn.fuse(gauss), SLOW[busy]
    fused(x)
    function = getattr(owner, name)

    def waiting(*args, **options):
        started.set()
        release.wait(SECONDS)
        return function(*args, **options)

    monkeypatch.setattr(owner, name, waiting)
    first = threading.Thread(target=lambda: tn.fuse(lambda x: gauss(x) + len(busy) * 0.765625)(x))
    second = threading.Thread(target=lambda: (fused(x), done.set()))
    first.start()
    try:
        assert started.wait(SECONDS)
        second.start()
        assert done.wait(10)
    finally:
        release.set()
        first.join()
        second.join()


# ---- forks -------------------------------------------------------------------------------------------


def child(work):
    """Whether `work` returns in a forked child, and returns true there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns that there are other threads
        pid = os.fork()
    if not pid:
        signal.alarm(SECONDS)
        os._exit(0 if work() else 1)
    return os.waitpid(pid, 0)[1] == 0


@needs_fork
def test_a_fork_after_use(eager_to_share):
    x, f = tn.variable(np.linspace(0.1, 2, 40_000), 3), tn.fuse(gauss)
    with tn.threads(3):
        expected = f(x).coeffs
        assert child(lambda: np.array_equal(f(x).coeffs, expected))
        assert child(lambda: np.isfinite(tn.fuse(lambda x: np.exp(x) * 0.171875)(x).coeffs).all())
        assert np.array_equal(f(x).coeffs, expected)


@needs_fork
def test_a_child_has_threads_of_its_own():
    barrier = threading.Barrier(2)
    chunks = [(0, 1), (1, 2)]
    threads.share(lambda start, stop: barrier.wait(SECONDS), chunks, 2)
    with threads._crew._lock:  # as another thread of the parent would
        assert child(lambda: threads.share(lambda start, stop: barrier.wait(SECONDS / 4), chunks, 2) is None)


@needs_fork
@pytest.mark.parametrize("busy", ["tracing", "writing", "compiling", "running"])
def test_a_fork_while_another_thread_is(busy, eager_to_share, monkeypatch):
    x, started, stop = tn.variable(np.linspace(0.1, 2, 3000), 4), threading.Event(), threading.Event()
    if busy in SLOW:
        owner, name = SLOW[busy]
        monkeypatch.setattr(owner, name, slowly(getattr(owner, name), started))

    def work():
        n = 0
        while not stop.is_set():
            n += 1
            tn.fuse(lambda x, n=n: gauss(x * (n + 100_000 * len(busy) + 0.046875)))(x)  # a kernel that nobody has made
            if busy == "running":
                started.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert started.wait(SECONDS)
        fused = tn.fuse(lambda x: np.cos(x) * (3.140625 + len(busy)))
        assert child(lambda: np.isfinite(fused(x).coeffs).all())
        assert np.isfinite(fused(x).coeffs).all()
    finally:
        stop.set()
        thread.join()


def slowly(function, started):
    def wrapper(*args, **options):
        if threading.current_thread() is not threading.main_thread():
            started.set()
            time.sleep(0.1)
        return function(*args, **options)

    return wrapper


@needs_fork
def test_a_fork_inside_a_traced_function():
    def forking(x):
        assert child(lambda: np.isfinite(tn.fuse(gauss)(0.5)))
        return x * 1.078125

    assert tn.fuse(forking)(2.0) == 2.15625


@needs_fork
def test_processes_of_multiprocessing():
    """Their own pool of threads, after the parent has used its own."""
    code = (
        "import multiprocessing, warnings, numpy as np, taylornb as tn\n"
        "from taylornb import kernels\n"
        "kernels.PARALLEL = 1.0\n"
        "f = tn.fuse(lambda x: np.exp(np.sin(x)) * x)\n"
        "def total(n): return float(np.sum(f(tn.variable(np.linspace(0, 1, 10_000 + n), 3))).value)\n"
        "if __name__ == '__main__':\n"
        "    warnings.simplefilter('ignore', DeprecationWarning)\n"
        "    with tn.threads(3):\n"
        "        here = [total(n) for n in range(4)]\n"
        "        with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "            there = pool.map_async(total, range(4)).get(60)\n"
        "    assert here == there\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=SECONDS)


# ---- the end -----------------------------------------------------------------------------------------


def test_a_program_ends_while_threads_and_results_are_there():
    """Results that live in globals and in cycles, and a kernel that runs at exit."""
    code = (
        "import atexit, threading, numpy as np, taylornb as tn\n"
        "from taylornb import kernels\n"
        "kernels.PARALLEL = 1.0\n"
        "f, x = tn.fuse(lambda x: np.exp(np.sin(x)) * x), tn.variable(np.linspace(0, 1, 100_000), 3)\n"
        "class Cycle: pass\n"
        "cycle = Cycle(); cycle.own, cycle.result = cycle, f(x)\n"
        "kept = f(x)\n"
        "atexit.register(lambda: print(np.isfinite(f(x).coeffs).all()))\n"
        "with tn.threads(4): y = f(x)\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", code], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    assert done.stdout.strip() == "True"
    assert not done.stderr
