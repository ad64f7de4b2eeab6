"""Do loops over two axes meet every element of broadcast arrays, in order, and say where arrays must be copied?"""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taylornb.layout import SHORT, Layout, loops


def of(planes):
    return Layout(planes.shape, planes.strides, planes.itemsize)


def met(found, planes, k):
    """The elements of the first row that the loops meet, in their order."""
    flat, start = planes.view(), planes.__array_interface__["data"][0]
    row, step = found.steps[k]
    assert row == planes.strides[0]
    places = {}
    for place in np.ndindex(*planes.shape[1:]):
        address = flat[(slice(0, 1), *place)].__array_interface__["data"][0] - start
        places[address] = flat[(0, *place)]
    for starts in found.starts():
        for o, p in product(*map(range, found.lengths)):
            yield places[starts[k] + o * step + p * planes.itemsize * found.follows[k]]


@st.composite
def broadcast(draw):
    """A shape, and arrays that broadcast to it: with axes left out, of length one, or repeated with stride 0."""
    shape = tuple(draw(st.lists(st.integers(1, 4), max_size=4)))
    if draw(st.booleans()) and shape:
        shape = (*shape[:-1], SHORT + shape[-1])
    arrays = []
    for _ in range(draw(st.integers(1, 3))):
        own = shape[draw(st.integers(0, len(shape))) :]
        own = tuple(length if draw(st.booleans()) else 1 for length in own)
        planes = np.arange(2.0 * np.prod(own, dtype=int)).reshape(2, *own)
        if draw(st.booleans()):
            planes = np.broadcast_to(planes.reshape(2, *(1,) * (len(shape) - len(own)), *own), (2, *shape))
        arrays.append(planes)
    return shape, [*arrays, np.arange(3.0 * np.prod(shape, dtype=int)).reshape(3, *shape)]


@given(broadcast())
def test_loops_meet_every_element_in_order(case):
    shape, arrays = case
    found = loops(shape, [of(planes) for planes in arrays])
    if found is None:
        assert len(arrays) > 1
        assert 1 < shape[-1] < SHORT or len(shape) > 1
        return
    for k, planes in enumerate(arrays):
        full = np.broadcast_to(planes[0].reshape((1,) * (len(shape) - planes.ndim + 1) + planes.shape[1:]), shape)
        np.testing.assert_array_equal(list(met(found, planes, k)), full.ravel())


def test_one_loop_for_contiguous_arrays():
    found = loops((3, 4, 5), [of(np.empty((2, 3, 4, 5))), of(np.empty((1, 3, 4, 5), np.float32))])
    assert (found.lengths, found.follows, found.around) == ((1, 60), (True, True), ((), ((), ())))
    assert found.steps == ((480, 0), (240, 0))


@pytest.mark.parametrize(
    "planes",
    [
        np.empty((2, 5, 4)).transpose(0, 2, 1),
        np.empty((2, 4, 10))[:, :, ::2],
        np.empty((2, 4, 5))[:, ::-1],
        np.empty((2, 4, 10))[:, :, :5],
    ],
    ids=["transposed", "every second", "backwards", "part of a row"],
)
def test_what_is_not_one_after_the_other_must_be_copied(planes):
    assert loops((4, 5), [of(planes), of(np.empty((1, 4, 5)))]) is None


def test_a_short_inner_loop_is_not_worth_its_start():
    column = of(np.empty((1, 70, 1)))
    assert loops((70, SHORT - 1), [column, of(np.empty((1, 70, SHORT - 1)))]) is None
    assert loops((70, SHORT), [column, of(np.empty((1, 70, SHORT)))]).lengths == (70, SHORT)


@pytest.mark.parametrize("shape", [(), (1,), (3, 4), (2, 1, 5), (0, 3)])
def test_contiguous_is_what_numpy_makes(shape):
    planes = np.empty((4, *shape), np.float32)
    if planes.size:
        assert Layout.contiguous(planes.shape, 4) == of(planes)
