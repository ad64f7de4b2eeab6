"""Are arrays of CuPy, PyTorch and Numba told apart, waited for and given back as they are? With stand-ins, without a GPU."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from taylornb.targets.cuda import libraries
from taylornb.targets.cuda.libraries import NUMBA, TORCH, planes_of
from taylornb.targets.cuda.memory import DevicePlanes, Interface, packed
from taylornb.targets.cuda.provider import provider

FLOAT = np.dtype(np.float64)


def planes(address=4096, shape=(3, 4), strides=None, of=None, library=NUMBA):
    return DevicePlanes(of, library, 0, (address, shape, strides or packed(shape, 8), FLOAT))


class Array:
    """An array of a library that is not known, or Numba's."""

    def __init__(self, **more):
        self.__cuda_array_interface__ = {"shape": (2, 3), "typestr": "<f8", "data": (4096, False), "version": 3, **more}


@pytest.fixture
def waited(monkeypatch):
    """The streams that were waited for; the current device is number 1."""
    found = []
    cuda = SimpleNamespace(
        external_stream=lambda address: SimpleNamespace(synchronize=lambda: found.append(address)),
        get_current_device=lambda: SimpleNamespace(id=1),
        gpus=[nullcontext()] * 4,
    )
    monkeypatch.setattr(libraries, "available", lambda: SimpleNamespace(simulated=False, cuda=cuda))
    return found


@pytest.mark.parametrize("key", [np.s_[:], np.s_[1], np.s_[None], np.s_[0:1, None], np.s_[:0, 1:2]])
def test_what_is_one_element_after_the_other_has_no_strides(key):
    assert Interface(planes()[key]).__cuda_array_interface__["strides"] is None


def test_what_is_not_has_them():
    own = planes()
    assert Interface(own[:, ::2]).__cuda_array_interface__["strides"] == (32, 16)
    assert Interface(own[::-1]).__cuda_array_interface__["strides"] == (-32, 8)
    assert Interface(planes(strides=(0, 8))).__cuda_array_interface__["strides"] == (0, 8)


def test_what_is_made_of_planes_keeps_the_memory_and_not_the_planes():
    array = Array()
    assert array in vars(Interface(planes(of=array))).values()


@pytest.mark.parametrize(("stream", "expected"), [(None, []), (1, []), (2, [2]), (28672, [28672])])
def test_arrays_of_unknown_libraries_are_waited_for(waited, stream, expected):
    found = planes_of(Array(stream=stream))
    assert (found.library, found.number, found.shape, found.strides) == (NUMBA, 1, (2, 3), (24, 8))
    assert waited == expected


def test_arrays_of_numba_are_not_waited_for_and_tell_their_device(waited):
    array = Array(stream=28672)
    array.gpu_data = SimpleNamespace(context=SimpleNamespace(device=SimpleNamespace(id=3)))
    found = planes_of(array)
    assert found.device == "cuda:3"
    assert found.given() is array
    assert waited == []


KEYS = [np.s_[()], np.s_[1:], np.s_[:, ::2], np.s_[2, 3:], np.s_[None, ..., 1], np.s_[0:0], np.s_[1, 2]]


@pytest.mark.parametrize("key", KEYS)
def test_a_tensor_comes_back_as_a_view_of_itself(key):
    torch = pytest.importorskip("torch")
    base = torch.arange(60, dtype=torch.float64)
    tensor = base[7:47].reshape(4, 10)[:, 2:9]
    strides = tuple(8 * stride for stride in tensor.stride())
    own = DevicePlanes(tensor, TORCH, 0, (tensor.data_ptr(), tuple(tensor.shape), strides, FLOAT))
    found = own[key].given() if key != () else own.given()
    assert torch.equal(found, tensor[key])
    assert found.untyped_storage().data_ptr() == base.untyped_storage().data_ptr()


def test_that_is_what_numba_calls_it():
    assert callable(provider().cuda.external_stream)
