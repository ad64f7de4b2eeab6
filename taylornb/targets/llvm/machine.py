"""How does text in LLVM's language become machine code that can be called?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import llvmlite.binding as llvm

from ... import cache
from ...threads import lock

_lock = lock()  # llvmlite guards LLVM, but not what is written here in several steps


@dataclass(frozen=True)
class Host:
    """The processor that kernels are compiled for.

    Attributes:
        name: LLVM's name for it.
        features: LLVM's list of its features.
        width: The bytes of its vectors.
    """

    name: str
    features: str
    width: int


@lru_cache(maxsize=1)
def host() -> Host:
    """The processor this runs on."""
    with _lock:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        found = llvm.get_host_cpu_features()
    wide = 64 if found.get("avx512f") and found.get("avx512vl") else 32 if found.get("avx") else 16
    # LLVM prefers 256-bit vectors on some processors with 512-bit ones; those are 1.3 to 1.6 times faster here.
    features = found.flatten() + (",-prefer-256-bit" if wide == 64 else "")
    return Host(llvm.get_host_cpu_name(), features, wide)


def object_code(text: str) -> bytes:
    """The machine code of a module, as an object file."""
    with _lock:
        machine = _target_machine()
        module = llvm.parse_assembly(text)
        module.triple = machine.triple
        module.data_layout = str(machine.target_data)
        module.verify()  # a hundredth of the time, and an exception where LLVM would end the process
        return bytes(machine.emit_object(module))


def kept(text: str) -> bytes:
    """The machine code of a module, made or loaded from the disk."""
    key = cache.key(text, host().name, host().features)
    code = cache.load(key)
    if code is None:
        code = object_code(text)
        cache.save(key, code)
    return code


def assembly(text: str) -> str:
    """The machine code of a module, to read."""
    with _lock:
        machine = _target_machine()
        module = llvm.parse_assembly(text)
        module.triple = machine.triple
        return str(machine.emit_assembly(module))


class Loaded:
    """Machine code in memory; it is there as long as this object is.

    Args:
        code: An object file.
        symbols: The addresses of the functions it calls, where the process does not export them.
    """

    def __init__(self, code: bytes) -> None:
        with _lock:
            module = llvm.parse_assembly("")
            self._engine = llvm.create_mcjit_compiler(module, _target_machine())
            self._engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
            self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Where a function is."""
        with _lock:
            found: int = self._engine.get_function_address(name)
        if not found:
            raise KeyError(f"the machine code has no function {name!r}")
        return found


def _target_machine() -> Any:
    found = host()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(cpu=found.name, features=found.features, opt=3, codemodel="jitdefault")
