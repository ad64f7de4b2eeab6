"""Do the threads of the crew share the work of a kernel, and only that?"""

import os
import threading
import time

import numpy as np
import pytest

from taylornb import crew, kernels, layout
from taylornb.targets.llvm.entry import SLOT, State, Word

SECONDS = 30  # after which something counts as stuck

# Counts who has come, waits until `wanted` have, but not for ever, and notes for each element of a chunk who did it, and how
# often.
MEETING = """
declare i64 @pthread_self()
define void @kernel(ptr %table, i64 %o0, i64 %o1, i64 %p0, i64 %p1) {
entry:
  %come = load ptr, ptr %table
  %wanted.at = getelementptr i64, ptr %come, i64 1
  %patience.at = getelementptr i64, ptr %come, i64 2
  %patience = load i64, ptr %patience.at
  %outs.at = getelementptr i64, ptr %table, i64 3
  %outs = load ptr, ptr %outs.at
  %times.at = getelementptr i64, ptr %table, i64 6
  %times = load ptr, ptr %times.at
  %before = atomicrmw add ptr %come, i64 1 seq_cst
  %who = call i64 @pthread_self()
  br label %wait
wait:
  %looks = phi i64 [ 0, %entry ], [ %looks1, %wait ]
  %looks1 = add i64 %looks, 1
  %here = load atomic i64, ptr %come seq_cst, align 8
  %wanted = load atomic i64, ptr %wanted.at seq_cst, align 8
  %few = icmp slt i64 %here, %wanted
  %patient = icmp slt i64 %looks, %patience
  %on = and i1 %few, %patient
  br i1 %on, label %wait, label %each
each:
  %p = phi i64 [ %p0, %wait ], [ %p2, %each ]
  %out = getelementptr i64, ptr %outs, i64 %p
  store i64 %who, ptr %out
  %time = getelementptr i64, ptr %times, i64 %p
  %old = atomicrmw add ptr %time, i64 1 seq_cst
  %p2 = add i64 %p, 1
  %more = icmp slt i64 %p2, %p1
  br i1 %more, label %each, label %done
done:
  ret void
}
"""

posix = pytest.mark.skipif(os.name != "posix", reason="threads are told apart as POSIX does")


class Meeting:
    """A kernel over so many elements, a chunk for each, that waits until so many threads are in it."""

    def __init__(self, elements, wanted, patience=10**8):
        self.kernel = kernels.Kernel(MEETING, 1.0, 0)
        self.come = np.array([0, wanted, patience])
        self.who, self.times = np.zeros(elements, np.int64), np.zeros(elements, np.int64)
        one = layout.Layout((1, elements), (0, 8), 8)
        self.plan = kernels.Call(self.kernel, layout.loops((elements,), [one] * 3))._plan
        self.plan[Word.CHUNK] = 1

    def share(self, own, others, work=1e9):
        own.share(self.plan, others, work, (self.come, self.who, self.times))


@pytest.fixture
def own():
    """A crew of this test's own, who listen for long, since it takes long to start them."""
    made = crew.Crew()
    made._slots[:, 1] = 10**6
    yield made
    made._slots[:, 1] = 0


def states(own):
    return own._slots[: own._count, 0].tolist()


def gather(own, count):
    """Meetings until one had so many threads, as it may not on a busy machine; the last."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        meeting = Meeting(count, count)
        meeting.share(own, count - 1)
        if len(set(meeting.who.tolist())) == count:
            return meeting
    raise AssertionError(f"{count} threads never met")


def until(condition):
    end = time.monotonic() + SECONDS
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    assert condition()


@posix
def test_chunks_are_shared_among_threads(own):
    """The kernel returns only where four threads are in it at once."""
    meeting = gather(own, 4)
    assert threading.get_ident() in meeting.who.tolist(), "the calling thread is one of them"
    assert meeting.times.tolist() == [1] * 4


@posix
@pytest.mark.parametrize("elements", [1, 2, 7, 5000])
def test_every_element_is_done_once_when_the_call_returns(own, elements):
    for others in (1, 2, 5):
        meeting = Meeting(elements, 0)
        meeting.share(own, others)
        assert meeting.times.tolist() == [1] * elements


@posix
def test_threads_that_have_nothing_to_do_sleep(own):
    gather(own, 4)
    until(lambda: states(own) == [State.SLEEPS] * 3)
    gather(own, 4)
    until(lambda: states(own) == [State.SLEEPS] * 3)
    assert own._count == 3


@posix
def test_nobody_is_woken_for_little_work_that_stands_alone(own, monkeypatch):
    meeting = Meeting(4, 0)
    meeting.share(own, 1, work=1.0)
    assert own._count == 0
    assert set(meeting.who.tolist()) == {threading.get_ident()}
    monkeypatch.setattr(crew, "LIVELY", 10**12)
    meeting.share(own, 1, work=1.0)
    assert own._count == 0
    for _ in range(20):
        meeting.share(own, 1, work=crew.OFTEN / 20 - 1)
    assert own._count == 0
    meeting.share(own, 1, work=crew.OFTEN / 20)
    assert own._count == 1, "but for work that follows other work and is enough with it"


@posix
def test_those_who_listen_are_called_for_little_work(own):
    own._slots[:, 1] = 10**12  # they do not sleep
    Meeting(2, 0).share(own, 1)
    until(lambda: states(own) == [State.LISTENS])
    own._last = 0
    meeting = Meeting(2, 2, patience=10**12)
    meeting.share(own, 1, work=1.0)
    assert len(set(meeting.who.tolist())) == 2


@posix
def test_a_busy_crew_is_not_waited_for(own):
    """The caller does the work itself where all other threads are at work for others."""
    first, second = Meeting(2, 3, patience=10**12), Meeting(9, 0)  # the first waits for a third
    own._slots[:, 1] = 10**12  # who listens goes on
    gather(own, 2)
    until(lambda: states(own) == [State.LISTENS])
    thread = threading.Thread(target=lambda: first.share(own, 1))
    thread.start()
    until(lambda: first.come[0] == 2 or not thread.is_alive())
    second.share(own, 1)
    assert set(second.who.tolist()) == {threading.get_ident()}
    first.come[1] = 2
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert first.times.tolist() == [1, 1]


@posix
def test_callers_share_one_crew(own):
    wrong = []

    def call():
        for n in range(200):
            meeting = Meeting(1 + n % 9, 0)
            meeting.share(own, 1 + n % 4)
            if meeting.times.tolist() != [1] * (1 + n % 9):
                wrong.append(n)

    callers = [threading.Thread(target=call) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong
    assert own._count <= 4


@posix
def test_where_no_thread_can_start_the_caller_does_all(own, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    meeting = Meeting(4, 0)
    meeting.share(own, 3)
    assert set(meeting.who.tolist()) == {threading.get_ident()}
    monkeypatch.undo()
    gather(own, 4)  # and has others when they can


@posix
def test_more_threads_than_there_are_places(own, monkeypatch):
    monkeypatch.setattr(crew, "MOST", 2)
    meeting = Meeting(9, 3)
    meeting.share(own, 1000)
    assert len(set(meeting.who.tolist())) <= 3
    assert meeting.times.tolist() == [1] * 9


def test_slots_are_cache_lines(own):
    assert own._slots.__array_interface__["data"][0] % 64 == 0
    assert own._slots.strides == (256, 8)
    assert own._slots.shape == (crew.MOST, SLOT)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns that there are other threads
def test_a_child_has_threads_of_its_own():
    Meeting(2, 0).share(crew._crew, 1)
    with crew._crew._lock:  # as another thread of the parent would
        pid = os.fork()
        if not pid:
            crew._crew._slots[:, 1] = 10**6
            os._exit(0 if gather(crew._crew, 2) else 1)
        assert os.waitpid(pid, 0)[1] == 0


def test_another_layout_of_arrays_is_an_error(monkeypatch):
    from taylornb.targets.llvm import entry

    class Probe:
        __array_interface__ = {"data": (1, False)}  # noqa: RUF012

    monkeypatch.setattr(entry.np, "empty", lambda shape: Probe())
    with pytest.raises(RuntimeError, match="the elements of NumPy's arrays are not where its C API has them"):
        entry._check_layout.__wrapped__()
