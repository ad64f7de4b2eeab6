"""A function of vectors as one of arrays: for the tests and the tables of elementary functions."""

import ctypes

import numpy as np

from taylornb.targets.llvm.machine import Loaded, host, object_code
from taylornb.targets.llvm.text import Code, Module, Vector


def over_arrays(function, dtype, arity=1, lanes=None):
    """`function(vector, *names)` appends instructions and returns the name of its result."""
    dtype = np.dtype(dtype)
    lanes = lanes or host().width // dtype.itemsize
    module = Module()
    code = Code(module)
    v = Vector(code, lanes, dtype)
    code.do("br label %loop")
    code.label("loop")
    code.do("%i = phi i64 [ 0, %entry ], [ %next, %end ]")
    arguments = []
    for n in range(arity):
        place = code.emit(f"getelementptr {v.element}, ptr %x{n}, i64 %i")
        arguments.append(code.emit(f"load {v.type}, ptr {place}, align {dtype.itemsize}"))
    result = function(v, *arguments)
    place = code.emit(f"getelementptr {v.element}, ptr %y, i64 %i")
    code.do(f"store {v.type} {result}, ptr {place}, align {dtype.itemsize}")
    code.do("br label %end")
    code.label("end")
    code.do(f"%next = add i64 %i, {lanes}")
    code.do("%more = icmp slt i64 %next, %n")
    code.do("br i1 %more, label %loop, label %done")
    code.label("done")
    code.do("ret void")
    names = [*(f"ptr %x{n}" for n in range(arity)), "ptr %y", "i64 %n"]
    module.define("run", f"define void @run({', '.join(names)}) {{\nentry:\n" + "\n".join(code.lines) + "\n}\n")
    loaded = Loaded(object_code(module.text()))
    run = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (arity + 1), ctypes.c_int64)(loaded.address("run"))

    def call(*arrays):
        size = -(-arrays[0].size // lanes) * lanes
        padded = [np.resize(np.asarray(a, dtype=dtype).ravel(), size) for a in arrays]
        out = np.empty(size, dtype)
        if size:
            run(*(a.ctypes.data for a in padded), out.ctypes.data, size)
        return out[: arrays[0].size].reshape(arrays[0].shape)

    call.loaded, call.text = loaded, module.text()
    return call
