"""What Python enters machine code by, without ctypes between: a call costs less than that of a NumPy function.

    run(plan, *arrays)           the kernel of a plan, on this thread
    share(plan, team, *arrays)   the same in chunks, on this thread and on those of the team that listen
    listen(slot)                 lends this thread to whoever shares, for as long as the process lasts

All take arrays alone; the first two return None. A kernel that works in scratch memory has this as its last array, with as
many bytes for each thread as the plan says. Who shares calls those who listen to a job that stands on its stack, and
returns when none is in it: who was called and has not come is not waited for. Who listens in vain sleeps in the end; to wake
and to work it does not need Python. `entry.ll` has their text, in LLVM's language.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numpy as np

from . import machine

SLOT = 32  # numbers of a slot: four cache lines


class Word(IntEnum):
    """The numbers of a plan; three for each array follow."""

    KERNEL = 0  # the address of its machine code
    OUTER = 1  # the lengths of the axes
    INNER = 2
    CHUNK = 3  # how much of an axis a thread takes at a time
    WITHIN = 4  # of which: 1 the inner one, 0 the outer one
    ARRAYS = 5  # how many
    ROOM = 6  # bytes of scratch memory for a thread, whole cache lines
    BRIEF = 7  # whether it is over before another Python thread could run
    FIRST = 8  # of the numbers of the arrays


class State(IntEnum):
    """What the thread of a slot does, unless it is called to a job."""

    ABSENT = 0
    LISTENS = 1
    WORKS = 2
    SLEEPS = 3


PAUSES = {"x86_64": "llvm.x86.sse2.pause()", "aarch64": "llvm.aarch64.hint(i32 1)", "arm64": "llvm.aarch64.hint(i32 1)"}
# How a thread sleeps until another wakes it: what $lock and the others in the text stand for.
POSIX = {
    "prepare": "call i32 @pthread_mutex_init(ptr %mutex, ptr null)\n  call i32 @pthread_cond_init(ptr %condition, ptr null)",
    "lock": "call i32 @pthread_mutex_lock(ptr %mutex)",
    "unlock": "call i32 @pthread_mutex_unlock(ptr %mutex)",
    "sleep": "call i32 @pthread_cond_wait(ptr %condition, ptr %mutex)",
    "wake": "call i32 @pthread_cond_signal(ptr %condition)",
    "yield": "call i32 @sched_yield()",
}
WINDOWS = {  # both are ready when they are zero
    "prepare": "",
    "lock": "call void @AcquireSRWLockExclusive(ptr %mutex)",
    "unlock": "call void @ReleaseSRWLockExclusive(ptr %mutex)",
    "sleep": "call i32 @SleepConditionVariableSRW(ptr %condition, ptr %mutex, i32 -1, i32 0)",
    "wake": "call void @WakeConditionVariable(ptr %condition)",
    "yield": "call i32 @SwitchToThread()",
}
CALL = re.compile(r"call (\w+) @([\w.]+)\((.*?)\)")
PATIENCE = 1000  # looks after which a caller that waits for others lets the system run them
SYMBOLS = ("PyEval_SaveThread", "PyEval_RestoreThread", "Py_IncRef")
FASTCALL = 0x80  # METH_FASTCALL: a function is handed an array of its arguments, and their number

Function = Callable[..., None]


class Entry(NamedTuple):
    """The functions."""

    run: Function
    share: Function
    listen: Function


def text() -> str:
    """The text of the module for this process."""
    pause = PAUSES.get(llvm.get_default_triple().split("-")[0])
    calls = {**(WINDOWS if os.name == "nt" else POSIX), "pause": f"call void @{pause}" if pause else ""}
    found = {name: (result, arguments) for call in calls.values() for result, name, arguments in CALL.findall(call)}
    declarations = [f"declare {result} @{name}({_types(arguments)})" for name, (result, arguments) in found.items()]
    return Template(Path(__file__).with_suffix(".ll").read_text(encoding="utf-8")).substitute(
        calls,
        **{state.name: state.value for state in State},
        header=object.__basicsize__,
        declarations="\n".join(declarations),
        PATIENCE=PATIENCE,
    )


def _types(arguments: str) -> str:
    return ", ".join(argument.split()[0] for argument in arguments.split(", ") if argument)


def python(code: bytes) -> Entry:
    """The functions of machine code made of the text.

    Raises:
        RuntimeError: Where NumPy's arrays are laid out in another way than its C API says.
    """
    _check_layout()
    for name in SYMBOLS:
        llvm.add_symbol(name, _address(getattr(ctypes.pythonapi, name)))
    loaded = machine.Loaded(code)
    return Entry(*(_function(name, loaded) for name in Entry._fields))


class _Method(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def _function(name: str, loaded: machine.Loaded) -> Function:
    method = _Method(name.encode(), loaded.address(name), FASTCALL, None)
    for kept in (method, loaded):  # until the very end, when modules are gone and functions not yet
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))
    prototype = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    found: Function = prototype(("PyCFunction_NewEx", ctypes.pythonapi))(ctypes.addressof(method), None, None)
    return found


@lru_cache(maxsize=1)
def _check_layout() -> None:
    probe = np.empty(1)
    place = ctypes.c_void_p.from_address(id(probe) + object.__basicsize__).value
    if place != probe.__array_interface__["data"][0]:
        raise RuntimeError(
            "the elements of NumPy's arrays are not where its C API has them; taylornb needs CPython and NumPy 2"
        )


def _address(function: Any) -> int:
    found = ctypes.cast(function, ctypes.c_void_p).value
    assert found is not None
    return found
